-- For this cursor: every row is scored by the head that did not train on its fold, kept under number {first} - fold.
create or replace temp macro {macro}(head, snapshot) as table
    select "rows".* exclude (embedding),
           _rm_score({first} - rm_fold("rows".group_id, {folds}), {input}) as reward,
           _rm_score_members({first} - rm_fold("rows".group_id, {folds}), {input}) as members,
           false as seen_in_training
    from rm_rows(snapshot) as "rows";
