-- Responses and votes of a snapshot by split, for the message of a report without rows.
with responses as (
    select split, count(distinct response_id) as n_responses from rm_rows($snapshot) group by split
),
votes as (
    select split, count(*) as n_votes from rm_pairs($snapshot) group by split
)
select split, coalesce(n_responses, 0) as n_responses, coalesce(n_votes, 0) as n_votes
from responses
full join votes using (split)
order by split
