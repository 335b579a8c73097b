-- The twins of the table functions that a report's folds or the operator's condition may cover (_rm_all_pairs is in
-- 030_rows.sql): what such a cover reads, since a temporary macro cannot name what it covers.
create or replace macro _rm_all_rows(snapshot) as table from query(_rm_rows_sql(snapshot));

create or replace macro _rm_all_rewards(head, snapshot) as table from query(_rm_rewards_sql(head, snapshot));

create or replace macro _rm_all_steps(snapshot, source := null) as table from query(_rm_steps_sql(snapshot, source));

create or replace macro _rm_all_step_rewards(head, snapshot, source := null) as table
    from query(_rm_step_rewards_sql(head, snapshot, source));
