-- Rewards of the match as ratings of a data set, with the ids that ingest gives; those that are there stay.
insert into rm.main.ratings
with rated as (
    select distinct found.response_id, found.reward
    from _rm_found as found
    semi join _rm_members using (response_id)
    where found.reward is not null
),
named as (
    select _rm_rating_id(response_id, $dataset, $attribute, null, reward) as rating_id, response_id, reward from rated
)
select named.rating_id, named.response_id, datasets.dataset_id, $attribute, null, named.reward
from named
join rm.main.datasets as datasets on datasets.name = $dataset and datasets.dropped_at is null
anti join rm.main.ratings as known using (rating_id)
order by named.response_id;
