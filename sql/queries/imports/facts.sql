-- What is wrong with the matched vectors, if anything.
with known as (select response_id from rm.main.responses)
select count(*) as n_rows,
       count(distinct response_id) as n_responses,
       count(*) filter (response_id is null or width is null) as n_null,
       coalesce(min(width), 0) as narrowest,
       coalesce(max(width), 0) as widest,
       count(*) filter (width > 0 and not coalesce(is_finite, false)) as n_not_finite,
       count(*) filter (not isfinite(reward)) as n_bad_rewards,
       count(*) filter (response_id not in (select response_id from known)) as n_unknown
from _rm_found;
