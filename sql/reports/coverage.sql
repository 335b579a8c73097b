-- report:  coverage
-- title:   How accuracy falls with the distance from what the head was trained on
-- grain:   one row per tenth of the judged responses by distance, the nearest first; 'all' is the total, 'train' the
--          training responses among themselves
-- engines: duckdb
-- filter:  rm_rows
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL,
--          attribute VARCHAR = NULL, k INTEGER = 10, most INTEGER = 10000
-- columns: decile VARCHAR, n_responses BIGINT, n_pairs BIGINT, n_groups BIGINT, n_seen BIGINT, ratio_from DOUBLE,
--          ratio DOUBLE, ratio_to DOUBLE, accuracy DOUBLE, low DOUBLE, high DOUBLE, random DOUBLE, error DOUBLE,
--          error_low DOUBLE, error_high DOUBLE
-- compare: share accuracy = total / n in cells by decile
-- chart:   points x=decile y=accuracy,random low=low high=high y_title='share of pairs ranked right'
--          x_title='tenth by distance, nearest first'
-- note:    An adaptation of arXiv 2404.08555 to fixed vectors. ratio: median over the responses of a row of the
--          Euclidean distance to the k-th nearest vector of the training split, in other groups, over the median of
--          that distance among training vectors, so that 'train' has 1; ratio_from and ratio_to are the least and the
--          largest. Pairs are decided votes or, with an attribute, responses to a prompt that are rated differently; a
--          tenth has the pairs with a side in it. n_seen pairs of groups that the head saw are left out. Equal rewards
--          count half. error: mean of |prob - P(better preferred)| on the head's temperature. Intervals by whole
--          groups, Wilson's for accuracy. Of more than `most` judged or training responses, those that come first by
--          MD5.
with covered as materialized (
    select response_id, is_judged, is_training, ratio
    from _rm_coverage($snapshot, $split, $dataset, $subset, $k, $most)
),
pairs as materialized (
    select pair_id, group_id, better_id, worse_id, is_seen, hit, error
    from _rm_judged_pairs($head, $snapshot, $split, $dataset, $subset, $attribute)
),
sides as (
    select pair_id, group_id, unnest([better_id, worse_id]) as response_id, is_seen, hit, error from pairs
),
placed as materialized (
    select response_id, ratio, ntile(10) over (order by ratio, response_id) as place
    from covered
    where is_judged and ratio is not null
),
spans as (
    select unnest([place::varchar, 'all']) as decile, response_id, ratio from placed
    union all
    select 'train', response_id, ratio from covered where is_training and ratio is not null
),
units as (
    select distinct spans.decile, sides.pair_id, sides.group_id, sides.is_seen, sides.hit, sides.error
    from sides
    join spans on spans.response_id = sides.response_id and spans.decile <> 'train'
),
cells as materialized (
    select decile, group_id, count_if(is_seen is not true) as n,
           coalesce(sum(hit) filter (is_seen is not true), 0e0) as total,
           coalesce(sum(error) filter (is_seen is not true), 0e0) as error,
           count_if(is_seen) as n_seen, count_if(is_seen is null) as n_unknown
    from units
    group by decile, group_id
),
shares as (
    select decile, sum(n)::bigint as n_pairs, count_if(n > 0)::bigint as n_groups,
           case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen, _rm_mean(n, total) as accuracy,
           _rm_share_interval(n, total) as span, _rm_mean(n, error) as error, _rm_mean_interval(n, error) as error_span
    from cells
    group by decile
),
ranges as (
    select decile, count(*) as n_responses, min(ratio) as ratio_from, median(ratio) as ratio, max(ratio) as ratio_to
    from spans
    group by decile
)
select ranges.decile, ranges.n_responses, coalesce(shares.n_pairs, 0) as n_pairs,
       coalesce(shares.n_groups, 0) as n_groups, if(shares.decile is null, 0, shares.n_seen) as n_seen,
       ranges.ratio_from, ranges.ratio, ranges.ratio_to, shares.accuracy, shares.span.low as low,
       shares.span.high as high, if(shares.n_pairs > 0, 0.5e0, null) as random, shares.error,
       shares.error_span.low as error_low, shares.error_span.high as error_high
from ranges
left join shares using (decile)
order by try_cast(ranges.decile as integer) nulls last, ranges.decile
