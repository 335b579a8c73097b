-- check: what belongs to a head names a head that exists
-- hint:  rmstore doctor --repair
with orphans as (
    select 'weights of head ' || head_id as example from rm.main.head_weights anti join rm.main.heads using (head_id)
    union all
    select 'metric ' || metric || ' of head ' || head_id from rm.main.head_metrics anti join rm.main.heads using (head_id)
    union all
    select 'group ' || group_id || ' of head ' || head_id from rm.main.head_training anti join rm.main.heads using (head_id)
    union all
    select 'description of head ' || head_id from rm.main.head_descriptions anti join rm.main.heads using (head_id)
    union all
    select 'origin of head ' || head_id from rm.main.head_origins anti join rm.main.heads using (head_id)
    union all
    select 'deployment of ' || name || '@' || version
    from rm.main.head_deployments anti join rm.main.heads using (name, version)
)
select example, 1 as n from orphans order by example
