-- What is odd about a file and was kept on purpose.
with responses as (
    select count(*) filter (where not regexp_matches(text, '\S')) as n_empty,
           count(distinct row) filter (where not is_shared) as n_differing,
           count(distinct split) as n_splits
    from _rm_items
),

votes as (
    select count(*) filter (where chosen_id = rejected_id) as n_identical,
           count(*) filter (where prob = 0.5) as n_ties,
           count(*) filter (where occurrence > 1) as n_repeated
    from _rm_votes
),

ratings as (select count(*) - count(distinct rating_id) as n_same_ratings from _rm_ratings),

steps as (select count(distinct (row, position)) filter (where not is_kept) as n_recut from _rm_steps)

select n_empty, n_differing, n_identical, n_ties, n_repeated, n_splits, n_same_ratings, n_recut
from responses, votes, ratings, steps
