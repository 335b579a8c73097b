insert into rm.main.preferences
select fresh.preference_id, fresh.chosen_id, fresh.rejected_id, fresh.prob, fresh.margin, fresh.weight, fresh.annotator,
       fresh.source, files.dataset_id, fresh.subset, files.file_id, fresh."row", fresh.occurrence
from _rm_in_preferences as fresh
join _rm_file_ids as files using (file)
anti join (select preference_id from rm.main.preferences) as known using (preference_id)
order by fresh.preference_id
