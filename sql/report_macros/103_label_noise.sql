-- What the report label-noise reads: votes that are right, labels that are wrong at a level, rewards of heads on them.

create or replace macro _rm_noise_levels(attribute) as
    if(attribute is null, '0,0.05,0.1,0.2,0.25,0.3,0.4', '10,5,3,1,0.7,0.5,0.3,0.1');

-- The chance that a label is wrong: the level itself, or where golds differ by gap, in units, one less the chance that
-- an annotator of quality level votes for the higher, sigmoid(level * gap); below 0 never (arXiv 2502.04357).
create or replace macro _rm_label_error(level, gap) as
    case when gap is null then level when level < 0 then 0e0 else 1 / (1 + exp(level * gap)) end;

-- Entropy of a chance in nats: the least that a loss can be on such labels.
create or replace macro _rm_entropy(p) as
    case when p > 0 and p < 1 then -p * ln(p) - (1 - p) * ln(1 - p) else 0e0 end;

-- Votes that are right: those of the snapshot that a condition leaves in rm_pairs, or where an attribute is given ten
-- pairs of every prompt, for the side with the higher gold; gap is 0 where both have the same, and every label is as
-- good as the other.
create or replace macro _rm_right_votes(snapshot, attribute, dataset, seed) as table
    select preference_id::varchar as key, group_id, chosen_id, rejected_id, prob, weight, split, null::double as gap
    from _rm_trial_votes(snapshot, dataset)
    semi join rm_pairs(snapshot) as chosen using (preference_id)
    where attribute is null
    union all
    select draw, group_id, if(gap >= 0, first_id, second_id), if(gap >= 0, second_id, first_id), 1e0, 1e0, split,
           abs(gap)
    from _rm_rated_pairs(snapshot, 10, false, attribute, null, seed, null, 5)
    where dataset is null
        or first_id in (select "rows".response_id from rm_rows(snapshot) as "rows" where "rows".dataset = dataset);

-- One row per trial and vote of training or validation: is_wrong where the label is turned round, which has the chance
-- error. levels and seeds are lists by trial. At most so many votes, the same at every level. With one seed, a label
-- that is wrong at some chance is wrong at every higher one.
create or replace macro _rm_noisy_labels(snapshot, attribute, dataset, most, seed, levels, seeds) as table
    with learning as (
        select key, chosen_id, rejected_id, prob, weight, split, gap
        from _rm_right_votes(snapshot, attribute, dataset, seed)
        where split <> 'test'
        qualify row_number() over (order by md5(concat_ws('/', 'pair', seed, key)), key) <= most
    ),
    trials as (
        select unnest(levels) as level, unnest(seeds) as trial_seed, unnest(range(1, len(levels) + 1)) as trial
    )
    select learning.*, trials.trial, trials.level, _rm_label_error(trials.level, learning.gap) as error,
           _rm_uniform(concat_ws('/', 'label', trials.trial_seed, learning.key)) < error as is_wrong
    from learning
    cross join trials;
