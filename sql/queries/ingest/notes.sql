-- What is odd about a file and was kept on purpose.
with responses as (
    select count(*) filter (where trim(text, e' \t\r\n') = '') as n_empty
    from _rm_items
),

rows as (
    select count(*) filter (where n_prompts > 1) as n_differing
    from (select count(distinct prompt_id) as n_prompts from _rm_items group by row)
),

votes as (
    select count(*) filter (where chosen_id = rejected_id) as n_identical,
           count(*) filter (where prob = 0.5) as n_ties,
           count(*) filter (where occurrence > 1) as n_repeated
    from _rm_votes
),

splits as (select count(distinct split) as n_splits from _rm_items)

select n_empty, n_differing, n_identical, n_ties, n_repeated, n_splits
from responses, rows, votes, splits
