-- How far responses lie from the training split of a snapshot: distance to the k-th nearest training vector of other
-- groups, and its ratio to the median of that distance among the training vectors themselves. The norm is Euclidean. Of
-- more than `most` judged or training responses those whose MD5 comes first are taken; since the median is over the same
-- training responses, the ratio keeps its meaning. Without k training vectors in other groups both are NULL.
-- An adaptation of RLHF Deciphered, arXiv 2404.08555, which stresses what a reward model has not seen, to fixed vectors.
create or replace macro _rm_coverage(snapshot, split, dataset, subset, k, most) as table
    with judged as materialized (
        select id, "group"
        from (select distinct "rows".response_id as id, "rows".group_id as "group"
              from rm_rows(snapshot) as "rows"
              where split in ("rows".split, 'all') and (dataset is null or "rows".dataset = dataset)
                  and (subset is null or "rows".subset = subset))
        qualify row_number() over (order by md5(id::varchar)) <= most
    ),
    base as materialized (
        select id, "group"
        from (select distinct "rows".response_id as id, "rows".group_id as "group"
              from _rm_all_rows(snapshot) as "rows"
              where "rows".split = 'train')
        qualify row_number() over (order by md5(id::varchar)) <= most
    ),
    ids as materialized (
        select id, any_value("group") as "group", bool_or(is_judged) as is_judged, bool_or(not is_judged) as is_training
        from (select id, "group", true as is_judged from judged union all select id, "group", false from base)
        group by id
    ),
    found as materialized (
        select id, -similarity as distance
        from _rm_neighbours(
            snapshot, 'response', (select list({'id': id, 'group': "group"} order by id) from ids),
            (select list({'id': id, 'group': "group"} order by id) from base), k, 'euclidean')
        where place = k
    )
    select ids.id as response_id, ids.is_judged, ids.is_training, found.distance,
           found.distance / nullif(median(found.distance) filter (ids.is_training) over (), 0) as ratio
    from ids
    left join found using (id);
