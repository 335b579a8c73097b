with sides as (
    select *, from_json(field['chosen'], '["VARCHAR"]') as chosen, from_json(field['rejected'], '["VARCHAR"]') as rejected,
           list_filter(list_concat(json_type(field['chosen'], '$[*]'), json_type(field['rejected'], '$[*]')),
                       lambda type: type <> 'VARCHAR') as others
    from source
    where problem is null
),

checked as (
    select row, chosen, rejected, case
               when len(chosen) = 0 then '''chosen'' is an empty list'
               when len(rejected) = 0 then '''rejected'' is an empty list'
               when len(others) > 0 then 'a response is not a text'
           end as unfit
    from sides
)

select row, subset, split, metadata, coalesce(problem, unfit) as problem,
       list_transform(list_concat(chosen, rejected), lambda said, i: _rm_response(
           _rm_user(field['prompt']), said,
           variant := case
               when i <= len(chosen) and len(chosen) = 3 then ['concise', 'detailed', 'markdown'][i]
               when i > len(chosen) and len(rejected) = 3 then ['concise', 'detailed', 'markdown'][i - len(chosen)]
           end)) as responses,
       flatten(list_transform(range(1, len(chosen) + 1), lambda i: list_transform(
           range(len(chosen) + 1, len(chosen) + len(rejected) + 1),
           lambda j: _rm_vote(i, j, source := 'constructed')))) as votes
from source
left join checked using (row)
