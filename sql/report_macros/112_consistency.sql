-- What the report consistency averages: two rows per measure and contrast pair whose prompts have a cosine from low to
-- high. won is that the own response, or the own prompt, has the higher reward, is_level that both have the same;
-- decile is the tenth of the pairs by cosine.
create or replace macro _rm_contrast_units(
    head, snapshot, crossing, attribute, split, dataset, subset, low, high
) as table
    with rewards as (
        select response_id, reward, is_seen from _rm_response_rewards(head, snapshot)
    ),
    placed as (
        select contrasts.*, ntile(10) over (order by cosine, prompt_id, other_id) as decile
        from _rm_contrasts(snapshot, crossing, attribute, split, dataset, subset) as contrasts
        where is_complete and cosine between low and high
    ),
    rewarded as (
        select placed.decile, placed.group_id, placed.cosine, mine.is_seen or theirs.is_seen as is_seen,
               mine.reward as own, crossed.reward as crossed, other_crossed.reward as other_crossed,
               theirs.reward as other_own
        from placed
        join rewards as mine on mine.response_id = placed.own_id
        join rewards as crossed on crossed.response_id = placed.crossed_id
        join rewards as other_crossed on other_crossed.response_id = placed.other_crossed_id
        join rewards as theirs on theirs.response_id = placed.other_own_id
    ),
    compared as (
        select rewarded.*, unnest([
            {'measure': 'response', 'better': own, 'worse': crossed},
            {'measure': 'response', 'better': other_own, 'worse': other_crossed},
            {'measure': 'instruction', 'better': own, 'worse': other_crossed},
            {'measure': 'instruction', 'better': other_own, 'worse': crossed}]) as said
        from rewarded
    )
    select said.measure, decile, group_id, cosine, said.better > said.worse as won,
           said.better = said.worse as is_level, is_seen
    from compared;

-- One row: pairs that lack one of their two crossed rows, and why there is no contrast pair that counts.
create or replace macro _rm_missing_contrasts(
    snapshot, crossing, attribute, split, dataset, subset, low, high
) as table
    with counts as (
        select count(*) filter (not is_complete) as n_half, count(*) filter (is_complete) as n_whole,
               count(cosine) as n_alike, count(*) filter (is_complete and cosine between low and high) as n_fit
        from _rm_contrasts(snapshot, crossing, attribute, split, dataset, subset)
    )
    select n_half,
           case
               when n_fit > 0 then 'the head saw the groups of every pair'
               when not exists (from rm.main.generations as made where made.origin = crossing) then
                   'no response has the origin ''' || crossing || ''': ingest the preferred responses of similar '
                   || 'prompts as responses to each other, with that origin; rm_contrast_pairs lists them'
               when n_whole + n_half = 0 then
                   'no response of origin ''' || crossing || ''' here is the preferred one of another prompt here'
               when n_whole = 0 then 'every pair lacks one of its two rows of origin ''' || crossing || ''''
               when n_alike = 0 then 'no vectors of prompts: embed with a layout that has the part prompt'
               else 'no pair of prompts has a cosine from ' || low || ' to ' || high
           end as missing
    from counts;
