-- repair: deployments of heads that do not exist
delete from rm.main.head_deployments
where (name, version) not in (select name, version from rm.main.heads)
