-- Subsets of the responses and votes of a snapshot.
select subset as name from rm_rows($snapshot) where subset is not null
union
select subset from rm_pairs($snapshot) where subset is not null
order by name
