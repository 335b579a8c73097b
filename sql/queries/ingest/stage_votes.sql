-- Votes with the ids of both sides, turned round so that prob >= 0.5; a tie is ordered by id.
-- A vote is on what two policies said: the same texts by other policies are other votes. The occurrence counts otherwise
-- identical votes of the file, so that none is lost and none comes twice.
create temp table _rm_votes as
with votes as (
    select row, subset, unnest(votes) as vote, generate_subscripts(votes, 1) as position
    from _rm_records
    where problem is null
),

sides as (
    select votes.row, votes.position, votes.subset, chosen.response_id as first_id, rejected.response_id as second_id,
           chosen.generation_id as first_generation, rejected.generation_id as second_generation,
           vote.prob as prob, vote.margin as margin, vote.weight as weight, nullif(vote.annotator, '') as annotator,
           coalesce($source, vote.source) as source
    from votes
    join _rm_items as chosen on chosen.row = votes.row and chosen.position = vote.chosen
    join _rm_items as rejected on rejected.row = votes.row and rejected.position = vote.rejected
),

turned as (
    select *, prob < 0.5 or prob = 0.5 and second_id < first_id as is_turned
    from sides
),

ordered as (
    select row, position, subset, case when is_turned then second_id else first_id end as chosen_id,
           case when is_turned then first_id else second_id end as rejected_id,
           case when is_turned then second_generation else first_generation end as chosen_generation,
           case when is_turned then first_generation else second_generation end as rejected_generation,
           case when is_turned then 1 - prob else prob end as prob,
           case when is_turned then 0 - margin else margin end as margin, weight, annotator, source
    from turned
),

counted as (
    select *, row_number() over (
        partition by chosen_generation, rejected_generation, annotator, source, prob, margin, subset
        order by row, position) as occurrence
    from ordered
)

select *, _rm_preference_id(
    chosen_generation, rejected_generation, $dataset, annotator, source, prob, margin, subset, occurrence) as preference_id
from counted
