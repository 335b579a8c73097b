insert into rm.main.head_descriptions values ($head_id, $field, $value)
