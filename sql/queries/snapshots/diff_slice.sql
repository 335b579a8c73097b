-- The cosines of one slice of the ids: the engine keeps the vectors of one side in memory while it reads the other.
insert into _rm_moved
select cosine from (
{cosines}
)
where response_id between {first}::uuid and {last}::uuid and cosine is not null;
