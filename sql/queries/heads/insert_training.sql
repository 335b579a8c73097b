insert into rm.main.head_training select $head_id, groups.group_id::uuid from trained_groups as groups
