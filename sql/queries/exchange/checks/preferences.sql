-- The id of a vote covers the generations of both sides, of which a response may have several; so both are there.
with recomputed as (
    select votes.preference_id
    from _rm_in_preferences as votes
    join _rm_in_generations as chosen on chosen.response_id = votes.chosen_id and chosen.dataset = votes.dataset
    join _rm_in_generations as rejected on rejected.response_id = votes.rejected_id and rejected.dataset = votes.dataset
    where votes.preference_id = _rm_preference_id(
        chosen.generation_id, rejected.generation_id, votes.dataset, votes.annotator, votes.source, votes.prob,
        votes.margin, votes.subset, votes.occurrence)
),
wrong as (
    select preference_id, 'is there twice' as reason from _rm_in_preferences group by preference_id having count(*) > 1
    union all
    select preference_id, 'does not have the id of its content'
    from _rm_in_preferences anti join recomputed using (preference_id)
    union all
    select preference_id, 'has a probability, weight, source or row that no vote has'
    from _rm_in_preferences
    where (prob between 0.5 and 1 and weight >= 0 and isfinite(weight) and source is not null and "row" is not null
           and (margin is null or isfinite(margin))) is not true
    union all
    select preference_id, 'names a file that is not there'
    from _rm_in_preferences anti join _rm_in_dataset_files using (dataset, file)
)
select 'preference ' || coalesce(preference_id::varchar, 'NULL') || ' ' || reason as problem
from wrong
order by problem
limit 1
