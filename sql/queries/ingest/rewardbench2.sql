-- models names one policy for all, or that of every response in the order chosen, rejected.
with sides as (
    select row, _rm_texts(field['chosen']) as chosen, _rm_texts(field['rejected']) as rejected,
           _rm_lists_problem(field['chosen'], field['rejected']) as unfit,
           nullif(from_json(field['models'], '["VARCHAR"]'), []) as models
    from source
    where problem is null
)

select row, subset, split,
       json_merge_patch(metadata, _rm_listed(_rm_user(field['prompt']), chosen, rejected)) as metadata,
       coalesce(problem, unfit, case
           when len(models) not in (1, len(chosen) + len(rejected))
               then '''models'' names ' || len(models) || ' for ' || (len(chosen) + len(rejected)) || ' responses'
           when lower(subset) = 'ties' and not regexp_full_match(field['id'], '(ref|tied):.+', 's')
               then 'the ''id'' of a row of Ties is ''' || field['id'] || ''', not ref:… or tied:…'
       end) as problem,
       list_transform(list_concat(chosen, rejected), lambda said, i: _rm_response(
           _rm_user(field['prompt']), said,
           policy := case when len(models) = 1 then models[1] else models[i] end)) as responses,
       _rm_votes_across(len(chosen), len(rejected)) as votes
from source
left join sides using (row)
