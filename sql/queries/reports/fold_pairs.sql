-- For this cursor: votes whose sides lie in different folds are left out, since two heads would score them.
create or replace temp macro {macro}(snapshot) as table
    select votes.*
    from {beneath}(snapshot) as votes
    join rm.main.responses as others on others.response_id = votes.rejected_id
    join rm.main.prompts as prompts on prompts.prompt_id = others.prompt_id
    where rm_fold(votes.group_id, {folds}) = rm_fold(prompts.group_id, {folds});
