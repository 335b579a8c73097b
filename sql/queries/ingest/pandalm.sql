-- Every annotator votes on the pair: 1 for the first response, 2 for the second, 0 for neither.
with read as (
    select *, string_split(field['cmp_key'], '_') as policies, [
               {'name': 'annotator1', 'said': field['annotator1']}, {'name': 'annotator2', 'said': field['annotator2']},
               {'name': 'annotator3', 'said': field['annotator3']}] as verdicts
    from source
),

checked as (
    select *, len(policies) = 2 as is_named,
           list_filter(verdicts, lambda v: not coalesce(_rm_number(v.said) in (0, 1, 2), false))[1] as unfit
    from read
)

select row, subset, split,
       -- who wrote the responses is stored with them
       case when is_named then _rm_without(metadata, ['cmp_key']) else metadata end as metadata,
       coalesce(problem, case
           when unfit is not null
               then '''' || unfit.name || ''' is ' || coalesce(nullif(unfit.said, ''), 'empty') || ', not 0, 1 or 2'
       end) as problem,
       [_rm_response(_rm_task(field['instruction'], field['input']), field['response1'],
                     policy := case when is_named then policies[1] end),
        _rm_response(_rm_task(field['instruction'], field['input']), field['response2'],
                     policy := case when is_named then policies[2] end)] as responses,
       list_transform(verdicts, lambda v: _rm_vote(
           1, 2, prob := case _rm_number(v.said) when 0 then 0.5 when 1 then 1 else 0 end, annotator := v.name)) as votes,
       case when kind['response1'] <> 'VARCHAR' or kind['response2'] <> 'VARCHAR'
           then ['pairs with a response that is no text, taken as JSON writes it'] end as remarks
from checked
