-- What the report data-scaling reads: nested samples of training votes, and the sizes that they have.

-- Training and validation votes with places: in repeat r + 1 a sample of size n is the votes with places[r + 1] <= n.
-- Whole groups come in the order of their draw, so that a larger sample holds the smaller; validation votes come with
-- their share of the groups. At most so many votes of a group, drawn too; per_group NULL takes all.
create or replace macro _rm_scaling_votes(snapshot, dataset, per_group, seed, repeats) as table
    with votes as (
        select votes.*, repeat, _rm_uniform(concat_ws('/', 'group', seed + repeat, votes.group_id)) as draw,
               _rm_uniform(concat_ws('/', 'vote', seed + repeat, votes.preference_id)) as vote_draw
        from _rm_trial_votes(snapshot, dataset) as votes
        cross join range(repeats) as drawn(repeat)
        where votes.split <> 'test'
    ),
    capped as (
        select *, coalesce(row_number() over in_group <= per_group, true) as is_kept
        from votes
        window in_group as (partition by repeat, group_id order by vote_draw, preference_id)
    ),
    placed as (
        select *, count_if(is_kept and split = 'train') over in_order + (split = 'valid')::integer as place
        from capped
        window in_order as (
            partition by repeat order by draw, group_id, vote_draw, preference_id
            rows between unbounded preceding and current row)
    )
    select preference_id, group_id, chosen_id, rejected_id, prob, weight, split,
           list(if(is_kept, place, null) order by repeat) as places
    from placed
    group by preference_id, group_id, chosen_id, rejected_id, prob, weight, split;

-- Sizes of samples: those that are asked for, or 250, 500, 1000 ... up to the largest; none beyond the n votes that
-- there are, which stand for what is larger.
create or replace macro _rm_scaling_sizes(sizes, n, largest) as
    list_sort(list_distinct(list_transform(
        if(sizes is null,
            list_transform(range(24), lambda doubling: least(250 * 2**doubling, largest)),
            _rm_number_list('sizes', coalesce(sizes, '2'), 2, 10000000)),
        lambda size: least(size, n)::bigint)));

-- The curve y = a - b n^(-c) with the least squares over the points, a list of {n, y}: in closed form for each c of
-- 0.02, 0.04 ... 2, and of these the best, of several that fit to rounding the least. NULL for fewer than four points.
create or replace macro _rm_power_curve(points) as (
    with curves as (
        select step / 50e0 as c, regr_intercept(point.y, point.n::double ** (-step / 50e0)) as a,
               -regr_slope(point.y, point.n::double ** (-step / 50e0)) as b,
               var_pop(point.y) - regr_slope(point.y, point.n::double ** (-step / 50e0))
                   * covar_pop(point.y, point.n::double ** (-step / 50e0)) as error
        from range(1, 101) as steps(step)
        cross join (select unnest(points) as point)
        group by step
    )
    select case when len(points) > 3 then arg_min({'a': a, 'b': b, 'c': c}, (greatest(error, 1e-15), c)) end from curves
);
