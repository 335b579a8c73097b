with wrong as (
    select rating_id, 'is there twice' as reason from _rm_in_ratings group by rating_id having count(*) > 1
    union all
    select rating_id, 'does not have the id of its content'
    from _rm_in_ratings
    where attribute is null or isfinite(value) is not true
       or rating_id is distinct from _rm_rating_id(response_id, dataset, attribute, annotator, value)
    union all
    select rating_id, 'names a response that is not there'
    from _rm_in_ratings anti join _rm_in_responses using (response_id)
    union all
    select rating_id, 'names a data set that is not there'
    from _rm_in_ratings anti join _rm_in_datasets as datasets on datasets.name = _rm_in_ratings.dataset
)
select 'rating ' || coalesce(rating_id::varchar, 'NULL') || ' ' || reason as problem from wrong order by problem limit 1
