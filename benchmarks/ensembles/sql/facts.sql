-- What happened in the cell: the annotator's votes and how many went against gold (of pairs with different gold), and
-- how many held-out prompts a head of the cell has seen, which must be none.
create or replace table study.facts as
select $scheme as scheme, $quality::double as quality, $seed as seed, $head as head, $objective as objective,
       count(*) as n_votes, count_if(chosen_gold = rejected_gold) as n_coins,
       avg(if(chosen_gold < rejected_gold, 1e0, 0e0)) filter (chosen_gold <> rejected_gold) as label_error,
       (select count(*)
        from head_training
        join heads using (head_id)
        join study.candidates using (group_id)
        where heads.name in ($ensemble, $single, $merged) and heads.dropped_at is null and candidates.fold = $fold
       ) as n_seen,
       $seconds::double as seconds
from study.votes
