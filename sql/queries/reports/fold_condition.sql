rm_fold(group_id, {folds}) <> {fold}
and rejected_id not in (
    select responses.response_id
    from rm.main.responses as responses
    join rm.main.prompts as prompts using (prompt_id)
    where rm_fold(prompts.group_id, {folds}) = {fold})
