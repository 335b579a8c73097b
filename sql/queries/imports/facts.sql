-- What is wrong with the matched vectors, if anything.
with known as (select response_id from rm.main.responses)
select count(*) as n_rows,
       count(distinct response_id) as n_responses,
       count(*) filter (response_id is null or embedding is null) as n_null,
       coalesce(min(len(embedding)), 0) as narrowest,
       coalesce(max(len(embedding)), 0) as widest,
       count(*) filter (not isfinite(list_sum(embedding)) or list_contains(embedding, null)) as n_not_finite,
       count(*) filter (response_id not in (select response_id from known)) as n_unknown
from _rm_matched;
