-- Pair annotation with controllable noise: Reusing Embeddings, arXiv 2502.04357, after its code.
--
-- Pairs of rated responses, and who wins them: P(first wins) = sigmoid(quality * (gold_1 - gold_2) / scale). A quality
-- below 0 is noiseless. scale is the standard deviation of gold in the snapshot unless given. Each prompt gets
-- per_prompt distinct pairs, or what 5 * per_prompt attempts find; with across the second response answers another
-- prompt of the same split, so that no vote ties training to test. The same seed and candidates give the same pairs at
-- any quality. win_prob is the chance that the vote had. fold leaves the prompts of rm_fold(group_id, folds) = fold out.
create or replace macro rm_simulate_preferences(
    snapshot, quality := 1, per_prompt := 10, across := false, attribute := 'gold', scale := null, seed := 0,
    fold := null, folds := 5
) as table
    with votes as (
        select pairs.*,
               if(quality >= 0, 1 / (1 + exp(-quality::double * gap)), 0.5e0 + 0.5e0 * sign(gap)) as first_prob,
               _rm_uniform(draw || 'vote') < first_prob as first_wins
        from _rm_rated_pairs(
            snapshot, per_prompt, across, _rm_rated_attribute(attribute), scale, seed, fold, folds) as pairs
        where _rm_rated_attribute(attribute) is not null
    )
    select if(first_wins, first_id, second_id) as chosen_id, if(first_wins, second_id, first_id) as rejected_id,
           prompt_id, group_id, split, if(first_wins, first_gold, second_gold) as chosen_gold,
           if(first_wins, second_gold, first_gold) as rejected_gold,
           if(first_wins, first_prob, 1 - first_prob) as win_prob
    from votes
    order by chosen_id, rejected_id;
comment on macro table rm_simulate_preferences is
    'votes of a noisy annotator on pairs of rated responses: chosen_id, rejected_id, win_prob; quality below 0 has no noise';
