-- Members that stand more than once, and members that are no response.
with counted as (
    select response_id, count(*) as n from _rm_members group by response_id
),
repeated as (
    select coalesce(sum(n - 1), 0)::bigint as n, coalesce(min(response_id::varchar, 3), []) as examples
    from counted
    where n > 1
),
unknown as (
    select count(*) as n, coalesce(min(response_id::varchar, 3), []) as examples
    from counted
    anti join rm.main.responses using (response_id)
)
select 'repeated' as wrong, n, examples from repeated
union all
select 'unknown', n, examples from unknown
order by wrong;
