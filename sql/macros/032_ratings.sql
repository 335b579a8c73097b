-- One row per rating of a response in a snapshot, whichever data set it comes from.
create or replace macro rm_ratings(snapshot) as table
    with members as (
        select distinct prompt_id, group_id, response_id, split from rm_rows(snapshot)
    )
    select members.prompt_id, members.group_id, members.response_id, datasets.name as dataset, members.split,
           ratings.attribute, ratings.annotator, ratings.value
    from members
    join rm.main.ratings as ratings using (response_id)
    join rm.main.datasets as datasets using (dataset_id)
    order by members.response_id, ratings.attribute, ratings.annotator, datasets.name, ratings.value;
comment on macro table rm_ratings is
    'a row per rating of a response of a snapshot: prompt, response, dataset, split, attribute, annotator, value';
