-- The attribute itself, if some response of the store is rated by it; otherwise an error that names those there are.
create or replace macro _rm_rated_attribute(wanted) as (
    select case
               when count_if(ratings.attribute = wanted) > 0 then wanted
               else error('no response is rated by attribute ' || coalesce(wanted, 'NULL') || ': there are '
                   || coalesce(string_agg(distinct ratings.attribute, ', ' order by ratings.attribute), 'no ratings'))
           end
    from rm.main.ratings as ratings
);
