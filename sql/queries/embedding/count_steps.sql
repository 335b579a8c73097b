-- Steps of the members, and members whose steps are numbered twice, since two sources cut the same text differently.
with traces as (
    select count(*) as n_steps, count(distinct step) < count(*) as is_torn
    from rm.main.steps
    semi join _rm_members using (response_id)
    group by response_id
)
select coalesce(sum(n_steps), 0)::bigint as n_steps, count_if(is_torn) as n_torn from traces;
