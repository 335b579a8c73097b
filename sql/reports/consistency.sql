-- report:  consistency
-- title:   Does the right response to a prompt beat that to a similar one, and the right prompt a similar prompt
-- grain:   one row per measure and tenth of the contrast pairs by the cosine of their prompts, the least alike first;
--          'all' is the total, which is there even if nothing could be measured
-- engines: duckdb
-- levels:  yes
-- filter:  rm_rows
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL,
--          attribute VARCHAR = NULL, origin VARCHAR = 'crossed', low DOUBLE = 0.75, high DOUBLE = 0.9
-- columns: measure VARCHAR, decile VARCHAR, n_pairs BIGINT, n_groups BIGINT, n_seen BIGINT, n_half BIGINT,
--          cosine_from DOUBLE, cosine_to DOUBLE, consistency DOUBLE, consistency_low DOUBLE, consistency_high DOUBLE,
--          strict DOUBLE, random DOUBLE, missing VARCHAR
-- compare: share consistency = total / n in cells by measure, decile
-- chart:   points x=decile y=consistency,random low=consistency_low high=consistency_high facet=measure
--          x_title='tenth by cosine, least alike first' y_title='share of comparisons won'
-- note:    arXiv 2309.16155. A contrast pair is two prompts whose vectors have a cosine from low to high, each with its
--          own preferred response (rated highest on the attribute, or that won most votes) and, as a row of the origin,
--          with that of the other. response: R(prompt, own) > R(prompt, the other's); instruction: R(prompt, own) >
--          R(the other prompt, own); both directions of every pair. Equal rewards count half in consistency and not at
--          all in strict. Any head that adds a score of the prompt to one of the response has exactly 0.5 (random).
--          n_seen pairs of groups that the head saw are left out; n_half pairs lack one of the two crossed rows.
--          Intervals by groups, of which a pair has the lesser. missing: why there is no value; nothing stands in for
--          crossed rows.
with units as materialized (
    select units.measure, cell.decile, units.group_id, units.cosine, units.won, units.is_level, units.is_seen
    from _rm_contrast_units(
        $head, $snapshot, $origin, $attribute, $split, $dataset, $subset, $low, $high) as units
    cross join (select unnest([units.decile::varchar, 'all']) as decile) as cell
),
cells as (
    select measure, decile, group_id, count_if(is_seen is not true) as n,
           coalesce(sum(if(is_level, 0.5e0, won::double)) filter (is_seen is not true), 0e0) as total,
           count_if(won and is_seen is not true) as n_won, count_if(is_seen) as n_seen,
           count_if(is_seen is null) as n_unknown
    from units
    group by measure, decile, group_id
),
shares as (
    select measure, decile, (sum(n) / 2)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups,
           case when sum(n_unknown) = 0 then (sum(n_seen) / 2)::bigint end as n_seen, _rm_mean(n, total) as consistency,
           _rm_share_interval(n, total) as span, _rm_mean(n, n_won) as strict
    from cells
    group by measure, decile
),
ranges as (
    select decile, min(cosine) as cosine_from, max(cosine) as cosine_to from units group by decile
    union all
    select 'all', null, null where not exists (from units)
)
select measures.measure, ranges.decile, coalesce(shares.n_pairs, 0) as n_pairs,
       coalesce(shares.n_groups, 0) as n_groups, if(shares.measure is null, 0, shares.n_seen) as n_seen,
       if(ranges.decile = 'all', reasons.n_half, null) as n_half,
       ranges.cosine_from, ranges.cosine_to, shares.consistency, shares.span.low as consistency_low,
       shares.span.high as consistency_high, shares.strict, if(shares.n_pairs > 0, 0.5e0, null) as random,
       if(shares.n_pairs > 0, null, reasons.missing) as missing
from ranges
cross join (select unnest(['response', 'instruction']) as measure) as measures
cross join _rm_missing_contrasts($snapshot, $origin, $attribute, $split, $dataset, $subset, $low, $high) as reasons
left join shares on shares.measure = measures.measure and shares.decile = ranges.decile
order by measures.measure desc, try_cast(ranges.decile as integer) nulls last
