-- Verdicts of a machine, <name>_result, on the pairs of the test set, which stands beside: joined by idx.
with pairs as (
    select record ->> '/idx' as idx, any_value(record) as pair, count(*) as n_pairs
    from _rm_beside
    group by idx
),

read as (
    select source.*, pair, coalesce(n_pairs, 0) as n_pairs, string_split(pair ->> '/cmp_key', '_') as policies,
           list_filter(json_keys(record), lambda key: ends_with(key, '_result')) as names,
           nullif(record ->> _rm_pointer(names[1]), '') as verdict
    from source
    left join pairs on pairs.idx = source.field['idx']
),

judged as (
    select *, len(policies) = 2 as is_named, left(names[1], length(names[1]) - length('_result')) as judge,
           case lower(verdict) when '1' then 1 when '2' then 0 when '0' then 0.5 when 'tie' then 0.5 end as prob
    from read
)

select row, subset, split,
       case when prob is null then metadata else _rm_without(metadata, [names[1]]) end as metadata,
       coalesce(problem, case
           when n_pairs <> 1 then 'the test set has ' || n_pairs || ' pairs with idx ' || field['idx']
           when len(names) <> 1 then 'it has ' || len(names) || ' columns that end in _result, not one'
           when prob is null and lower(verdict) is distinct from 'garbage'
               then '''' || names[1] || ''' is ' || coalesce(verdict, 'empty') || ', not 0, 1, 2, Tie or garbage'
       end) as problem,
       [_rm_response(_rm_task(pair ->> '/instruction', pair ->> '/input'), pair ->> '/response1',
                     policy := case when is_named then policies[1] end),
        _rm_response(_rm_task(pair ->> '/instruction', pair ->> '/input'), pair ->> '/response2',
                     policy := case when is_named then policies[2] end)] as responses,
       case when prob is null then _rm_no_votes()
            else [_rm_vote(1, 2, prob := prob, annotator := judge, source := 'judge')] end as votes,
       case when lower(verdict) = 'garbage' then ['verdicts that are garbage, kept as metadata alone'] end as remarks
from judged
