-- Nothing is added where the version is deployed already.
insert into rm.main.head_deployments
select $name, $version, coalesce(max(number), 0) + 1, now()::timestamp, null
from rm.main.head_deployments
where name = $name
having arg_max(version, number) filter (rolled_back_at is null) is distinct from $version
