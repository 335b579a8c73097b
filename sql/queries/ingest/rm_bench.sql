with sides as (
    select row, _rm_texts(field['chosen']) as chosen, _rm_texts(field['rejected']) as rejected,
           _rm_lists_problem(field['chosen'], field['rejected']) as unfit
    from source
    where problem is null
)

select row, subset, split,
       json_merge_patch(metadata, _rm_listed(_rm_user(field['prompt']), chosen, rejected)) as metadata,
       coalesce(problem, unfit) as problem,
       list_transform(list_concat(chosen, rejected), lambda said, i: _rm_response(
           _rm_user(field['prompt']), said,
           variant := case
               when i <= len(chosen) and len(chosen) = 3 then ['concise', 'detailed', 'markdown'][i]
               when i > len(chosen) and len(rejected) = 3 then ['concise', 'detailed', 'markdown'][i - len(chosen)]
           end)) as responses,
       _rm_votes_across(len(chosen), len(rejected)) as votes
from source
left join sides using (row)
