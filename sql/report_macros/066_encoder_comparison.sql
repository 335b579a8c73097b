-- What the report encoder-comparison reads: votes judged out of fold, and what an encoder costs.

-- A snapshot beside itself is refused: the votes that train wait for this, and so does a report without votes.
create or replace macro _rm_is_another(snapshot, other) as case when snapshot <> other then true
        else error('old and new are both ' || snapshot || ': give another snapshot for one of them') end;

-- Decided votes of a snapshot that other has too, each judged by a head trained on the votes of the other folds, where
-- the valid split only chooses; hit is 1 where the chosen side has the higher reward, 0.5 where both have the same.
-- Votes whose sides lie in different folds are left out. The heads are the same whatever is judged: a condition, split,
-- data set or subset leaves votes unjudged alone.
create or replace macro _rm_out_of_fold(snapshot, other, split, dataset, subset, head, folds, seed) as table
    with shared as (
        select preference_id from _rm_all_pairs(other)
    ),
    votes as materialized (
        select votes.preference_id, votes.group_id, votes.split, votes.chosen_id, votes.rejected_id, votes.weight,
               votes.prob, rm_fold(votes.group_id, folds, seed) as fold
        from _rm_all_pairs(snapshot) as votes
        semi join shared using (preference_id)
        join rm.main.responses as others on others.response_id = votes.rejected_id
        join rm.main.prompts as prompts on prompts.prompt_id = others.prompt_id
        where votes.prob > 0.5e0
            and rm_fold(prompts.group_id, folds, seed) = rm_fold(votes.group_id, folds, seed)
            and case when folds < 2 then error('folds is ' || folds || ': give 2 or more') else true end
            and _rm_is_another(snapshot, other)
    ),
    marked as (
        select chosen_id, rejected_id, prob, weight,
               list_transform(range(folds), lambda held:
                   if(held = fold, 0, _rm_trial_mark(if(votes.split = 'valid', 'valid', 'train'), false))) as marks
        from votes
    ),
    shown as (
        select preference_id
        from rm_pairs(snapshot) as votes
        where split in (votes.split, 'all') and (dataset is null or votes.dataset = dataset)
            and (subset is null or votes.subset = subset)
    ),
    judged as materialized (
        select votes.preference_id, votes.group_id, votes.chosen_id, votes.rejected_id, votes.fold
        from votes
        semi join shown using (preference_id)
    ),
    responses as (
        select chosen_id as response_id, fold from judged
        union
        select rejected_id, fold from judged
    ),
    rewards as (
        select responses.fold, trials.response_id, trials.reward
        from _rm_trial_rewards(
            snapshot, (select list(marked) from marked), (select list(response_id) from responses),
            list_transform(range(folds), lambda held: seed), head, 'bt', null) as trials
        join responses on responses.response_id = trials.response_id and responses.fold = trials.trial - 1
    )
    select preference_id, group_id, 0.5e0 + 0.5e0 * sign(margin) as hit from _rm_margins('judged', 'rewards');

-- One row: the encoder and layout of a snapshot, texts that its encoder embedded in a second of its own time over all
-- runs, bytes of one stored vector, and of those that the members need together, each once.
create or replace macro _rm_encoder_costs(snapshot) as table
    with chosen as (
        select snapshots.snapshot_id, snapshots.reference, snapshots.layout, encoders.encoder_id,
               encoders.name as encoder, encoders.dim, encoders."precision",
               encoders.dim * case encoders."precision" when 'f16' then 2 when 'i8' then 1 else 4 end
               + case when encoders."precision" = 'i8' then 4 else 0 end as bytes_per_vector
        from rm_snapshots() as snapshots
        join rm.main.encoders as encoders on encoders.name = snapshots.encoder
        where snapshots.reference = snapshot
    ),
    items as (
        select members.response_id as item_id, unnest(['joint', 'response']) as part
        from rm.main.snapshot_members as members
        semi join chosen using (snapshot_id)
        union
        select responses.prompt_id, 'prompt'
        from rm.main.snapshot_members as members
        semi join chosen using (snapshot_id)
        join rm.main.responses as responses using (response_id)
    )
    select chosen.reference, chosen.encoder, chosen.layout, chosen.dim, chosen."precision",
           (select sum(runs.n_texts) / nullif(sum(runs.seconds), 0)
            from rm.main.embedding_runs as runs
            where runs.encoder_id = chosen.encoder_id) as texts_per_second,
           chosen.bytes_per_vector::bigint as bytes_per_vector,
           (select count(distinct renderings.text_id)
            from items
            join rm.main.renderings as renderings using (item_id, part)
            where renderings.encoder_id = chosen.encoder_id and contains(chosen.layout, part))
           * chosen.bytes_per_vector as n_bytes
    from chosen;
