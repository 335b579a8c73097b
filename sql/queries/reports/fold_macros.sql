-- For this cursor: every row is scored by the head that did not train on its fold, kept under number {first} - fold,
-- and votes whose sides lie in different folds are left out, since two heads would score them.
create or replace temp macro rm_rewards(head, snapshot) as table
    select "rows".* exclude (embedding),
           _rm_score({first} - rm_fold("rows".group_id, {folds}), {input}) as reward,
           _rm_score_members({first} - rm_fold("rows".group_id, {folds}), {input}) as members,
           false as seen_in_training
    from rm_rows(snapshot) as "rows";

create or replace temp macro rm_pairs(snapshot) as table
    select votes.*
    from query(_rm_pairs_sql(snapshot)) as votes
    join rm.main.responses as others on others.response_id = votes.rejected_id
    join rm.main.prompts as prompts on prompts.prompt_id = others.prompt_id
    where rm_fold(votes.group_id, {folds}) = rm_fold(prompts.group_id, {folds});
