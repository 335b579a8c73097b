-- No row: says what is wrong with a filter, in words about the filter alone, and has the columns it may name.
select * from _rm_candidates([]::varchar[]) where (
{where}
) limit 0;
