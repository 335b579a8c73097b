-- Subsets of every response and vote.
select subset as name from rm.main.generations where subset is not null
union
select subset from rm.main.preferences where subset is not null
order by name
