-- For this cursor: rewards of a group are on the scale of the head that judges its fold.
create or replace temp macro _rm_judge_temperature(head, group_id) as
    {temperatures}[1 + rm_fold(group_id, {folds})];
