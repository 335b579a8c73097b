case when old.texts is distinct from new.texts then 'rerendered' else 'reencoded' end
