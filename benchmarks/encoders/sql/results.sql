-- Accuracy of every row and its difference to the default on the same votes, both with 95 % intervals by group.
with groups as (
    select ours.label, ours.group_id, count(*) as n, sum(ours.hit) as hits, sum(ours.hit - base.hit) as gain
    from bench.hits as ours
    join bench.hits as base on base.label = 'default' and base.preference_id = ours.preference_id
    group by ours.label, ours.group_id
),
accuracies as (
    select label, sum(n)::bigint as n_pairs, count(*) as n_groups, _rm_mean(n, hits) as accuracy,
           _rm_share_interval(n, hits).low as low, _rm_share_interval(n, hits).high as high,
           _rm_mean(n, gain) as gain,
           _rm_mean_interval(n, gain).low as gain_low, _rm_mean_interval(n, gain).high as gain_high
    from groups
    group by label
)
select place, what, layout, options, n_pairs, n_groups, accuracy, low, high, gain, gain_low, gain_high,
       bytes_per_response, texts_per_response, texts_per_second,
       texts_per_second / first_value(texts_per_second) over (order by place) as speed, n_cut, encoder_key
from bench.facts
join accuracies using (label)
order by place
