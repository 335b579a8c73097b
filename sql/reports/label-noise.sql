-- report:  label-noise
-- title:   What wrong training labels cost: accuracy on clean held-out votes, by the share of labels that are wrong
-- grain:   one row per level of noise
-- engines: duckdb
-- params:  snapshot SNAPSHOT, attribute VARCHAR = NULL, levels VARCHAR = NULL, head VARCHAR = 'linear',
--          objective VARCHAR = 'bt', options VARCHAR = NULL, dataset VARCHAR = NULL, pairs INTEGER = 4000,
--          candidates INTEGER = 10, repeats INTEGER = 3, seed INTEGER = 0
-- columns: level DOUBLE, n_train BIGINT, wrong DOUBLE, label_accuracy DOUBLE, label_nll DOUBLE, n_pairs BIGINT,
--          n_groups BIGINT, accuracy DOUBLE, low DOUBLE, high DOUBLE, accuracy_sd DOUBLE, nll DOUBLE, random DOUBLE,
--          longest DOUBLE, shortest DOUBLE, n_prompts BIGINT, gold DOUBLE, gold_low DOUBLE, gold_high DOUBLE,
--          gold_random DOUBLE, gold_oracle DOUBLE
-- compare: share accuracy = hits / n in groups by level
-- filter:  rm_pairs, rm_rows
-- chart:   line x=wrong y=accuracy,label_accuracy,random low=low high=high x_title='share of wrong training labels'
--          y_title='accuracy on clean votes (share)'
-- note:    Heads are trained on up to pairs votes of the splits train (to learn) and valid (to choose), and judged on
--          the votes of test; they are not stored. Without an attribute, level is the share of votes that are turned
--          round (default 0 to 0.4). With one, votes are drawn for ten pairs of rated responses of every prompt:
--          P(higher wins) = sigmoid(level (gold_1 - gold_2) / sd of gold) with level 10 to 0.1 the annotation quality,
--          below 0 noiseless (arXiv 2502.04357), and judged against gold. One seed turns the same votes round at a
--          lower level as at a higher one. Measures are means over repeats with seeds seed, seed + 1, ...; accuracy_sd
--          is the standard deviation between them, low and high the 95 % interval by groups. label_accuracy: what the
--          labels themselves would reach; label_nll: the loss that no head can go below on them. gold: of the pick by
--          reward among up to candidates responses. longest is NULL where no text was published. A condition chooses
--          the votes, or with an attribute the rated responses, that heads learn from and are judged on.
with trials as materialized (
    select level, $seed + repeat as seed, row_number() over (order by level, repeat) as trial
    from (
        select unnest(_rm_number_list('levels', coalesce($levels, _rm_noise_levels($attribute)),
                                      if($attribute is null, 0, -1), if($attribute is null, 1, 1000))) as level
    )
    cross join range(_rm_checked_count('repeats', $repeats, 1, 100)) as repeats(repeat)
),
labels as (
    select level, count(distinct key) as n_train, avg(is_wrong::integer) as wrong, 1 - avg(error) as label_accuracy,
           avg(_rm_entropy(error)) as label_nll
    from _rm_noisy_labels(
        $snapshot, $attribute, $dataset, _rm_checked_count('pairs', $pairs, 2, 10000000), $seed,
        (select list(level order by trial) from trials), (select list(seed order by trial) from trials))
    group by level
),
units as materialized (
    select trials.level, trials.seed, units.* exclude (trial)
    from _rm_noise_units(
        $snapshot, $attribute, $dataset, $pairs, _rm_checked_count('candidates', $candidates, 2, 500), $seed,
        (select list(level order by trial) from trials), (select list(seed order by trial) from trials),
        $head, $objective, $options) as units
    join trials using (trial)
),
groups as ( -- means over repeats: a vote counts once, however often it is judged
    select level, group_id, sum(n) / $repeats as n, sum(hits) / $repeats as hits, sum(nll) / $repeats as nll,
           sum(longest.total) / $repeats as longest, sum(longest.known) as n_lengths,
           sum(n_prompts) / $repeats as n_prompts, sum(gold) / $repeats as gold,
           sum(random) / $repeats as random, sum(oracle) / $repeats as oracle
    from units
    group by level, group_id
),
judged as (
    select level, sum(n) as n, count_if(n > 0) as n_groups, _rm_mean(n, hits) as accuracy,
           _rm_share_interval(n, hits) as span, _rm_mean(n, nll) as nll,
           case when sum(n_lengths) > 0 then _rm_mean(n, longest) end as longest,
           sum(n_prompts) as n_prompts, _rm_mean(n_prompts, gold) as gold,
           _rm_mean_interval(n_prompts, gold) as gold_span,
           _rm_mean(n_prompts, random) as gold_random, _rm_mean(n_prompts, oracle) as gold_oracle
    from groups
    group by level
),
spreads as (
    select level, stddev_samp(accuracy) as accuracy_sd
    from (select level, seed, sum(hits) / sum(n) as accuracy from units group by level, seed)
    group by level
)
select labels.level, labels.n_train, labels.wrong, labels.label_accuracy, labels.label_nll,
       coalesce(judged.n, 0)::bigint as n_pairs, coalesce(judged.n_groups, 0)::bigint as n_groups,
       judged.accuracy, judged.span.low as low, judged.span.high as high, spreads.accuracy_sd, judged.nll,
       if(judged.n > 0, 0.5e0, null) as random, judged.longest, 1 - judged.longest as shortest,
       coalesce(judged.n_prompts, 0)::bigint as n_prompts, judged.gold, judged.gold_span.low as gold_low,
       judged.gold_span.high as gold_high, judged.gold_random, judged.gold_oracle
from labels
left join judged using (level)
left join spreads using (level)
order by labels.level
