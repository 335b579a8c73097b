-- Every version that a bare name has meant, oldest first; $name chooses where it is not null.
with marks as (
    select name, version from rm.main.head_tags where tag = 'deployed'
)
select deployments.name, deployments.number, deployments.name || '@' || deployments.version as head,
       deployments.created_at::varchar as deployed_at, deployments.rolled_back_at::varchar as rolled_back_at,
       heads.dropped_at is not null as is_dropped,
       marks.version is not null and deployments.number = max(deployments.number)
           filter (deployments.version = marks.version and deployments.rolled_back_at is null)
           over (partition by deployments.name) as is_deployed
from rm.main.head_deployments as deployments
join rm.main.heads as heads using (name, version)
left join marks on marks.name = deployments.name and marks.version = deployments.version
where $name is null or deployments.name = $name
order by deployments.name, deployments.number
