-- What is wrong with the vectors of the members, each with up to three examples.
with judged as (
    select needed.part, needed.item_id,
           [case when needed.text_id is null then 'rendering' end,
            case when needed.text_id is not null and checked.text_id is null then 'vector' end,
            case when not checked.is_finite then 'finite' end,
            case when not checked.is_right then 'checksum' end] as wrongs
    from _rm_needed as needed
    left join _rm_checked as checked using (text_id)
    where checked.text_id is null or not checked.is_finite or not checked.is_right
),
named as (
    select unnest(wrongs) as wrong,
           case when part in ('prompt', 'step') then part || ' ' || item_id
                else part || ' of response ' || item_id end as example
    from judged
)
select wrong, count(*) as n, min(example, 3) as examples
from named
where wrong is not null
group by wrong
order by wrong;
