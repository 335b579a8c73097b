-- report:  encoder-comparison
-- title:   What a new encoder gains over an old one: accuracy on the same votes, speed and size
-- grain:   one row per snapshot, the old one first; the difference stands with the new one
-- engines: duckdb
-- params:  old SNAPSHOT, new SNAPSHOT, head VARCHAR = 'linear', split VARCHAR = 'all', dataset VARCHAR = NULL,
--          subset VARCHAR = NULL, folds INTEGER = 5, seed INTEGER = 0
-- columns: snapshot VARCHAR, encoder VARCHAR, layout VARCHAR, dim INTEGER, precision VARCHAR, n_pairs BIGINT,
--          n_groups BIGINT, accuracy DOUBLE, low DOUBLE, high DOUBLE, difference DOUBLE, difference_low DOUBLE,
--          difference_high DOUBLE, z DOUBLE, texts_per_second DOUBLE, bytes_per_vector BIGINT, n_bytes BIGINT
-- filter:  rm_pairs
-- chart:   bar x=snapshot y=accuracy low=low high=high x_title='snapshot' y_title='accuracy (share of votes)'
-- note:    Both snapshots are judged on the votes that both have, decided ones alone (prob above 0.5): a head of the
--          same kind and seed is trained per fold of groups on the votes of the other folds, and judges those it did
--          not see, as accuracy with folds does. A split, data set, subset or condition says which votes are judged,
--          and leaves the heads as they are. Equal rewards count half. low and high: Wilson's 95 % interval for the
--          number of pairs that groups are worth. difference: new less old over the same pairs, its interval by whole
--          groups, z its value in standard errors (both NULL where nothing varies). texts_per_second: of the encoder's
--          own time over all its runs (NULL where vectors were imported); n_bytes: of the distinct vectors that the
--          members need. The fold heads are not stored.
with costs as materialized (
    select 1 as place, reference, encoder, layout, dim, "precision", texts_per_second, bytes_per_vector, n_bytes
    from _rm_encoder_costs($old)
    where _rm_is_another($old, $new)
    union all
    select 2, reference, encoder, layout, dim, "precision", texts_per_second, bytes_per_vector, n_bytes
    from _rm_encoder_costs($new)
),
old_votes as (
    select preference_id, group_id, hit from _rm_out_of_fold(
        $old, $new, $split, $dataset, $subset, $head, $folds, $seed)
),
new_votes as (
    select preference_id, hit from _rm_out_of_fold(
        $new, $old, $split, $dataset, $subset, $head, $folds, $seed)
),
groups as materialized (
    select old_votes.group_id, count(*) as n, sum(old_votes.hit) as old_hits, sum(new_votes.hit) as new_hits,
           sum(new_votes.hit - old_votes.hit) as gained
    from old_votes
    join new_votes using (preference_id)
    group by old_votes.group_id
),
sides as (
    select 1 as place, $old as snapshot, n, old_hits as hits, null::double as gained from groups
    union all
    select 2, $new, n, new_hits, gained from groups
),
judged as (
    select place, snapshot, sum(n)::bigint as n_pairs, count(*) as n_groups, _rm_mean(n, hits) as accuracy,
           _rm_share_interval(n, hits) as span,
           case when count(gained) > 0 then _rm_mean(n, gained) end as difference,
           case when count(gained) > 0 then _rm_mean_variance(n, gained) end as variance
    from sides
    group by place, snapshot
)
select costs.reference as snapshot, costs.encoder, costs.layout, costs.dim, costs."precision",
       coalesce(judged.n_pairs, 0) as n_pairs, coalesce(judged.n_groups, 0) as n_groups, judged.accuracy,
       judged.span.low as low, judged.span.high as high, judged.difference,
       _rm_paired_share_interval(judged.difference, judged.variance, judged.n_groups).low as difference_low,
       _rm_paired_share_interval(judged.difference, judged.variance, judged.n_groups).high as difference_high,
       _rm_z(judged.difference, judged.variance) as z,
       costs.texts_per_second, costs.bytes_per_vector, costs.n_bytes
from costs
left join judged using (place)
order by costs.place
