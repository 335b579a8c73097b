-- The cosines of one slice: the engine keeps the old vectors of the slice in memory while it reads the new ones.
insert into _rm_moved
select cosine from (
{cosines}
)
where cosine is not null;
