-- Judged responses (part 'response') or prompts (part 'prompt') of a snapshot whose nearest vector of the training split
-- has at least the cosine: counts by judged data set and split and by data set of the neighbour, the three nearest named.
-- Judged are the splits other than train; groups are in one split, so no neighbour is of the own group. Of more than
-- `most` on a side, those whose MD5 comes first are compared. A layout without vectors of the part has no rows.
create or replace macro _rm_near_duplicates(snapshot, part, threshold, most) as table
    with rows as materialized (
        select distinct if(part = 'prompt', prompt_id, response_id) as id, group_id, dataset, split,
               split = 'train' as is_base
        from rm_rows(snapshot)
    ),
    ids as materialized (
        select id, group_id, is_base, row_number() over (partition by is_base order by md5(id::varchar)) as place,
               count(*) over (partition by is_base) as n
        from (select distinct id, group_id, is_base from rows)
    ),
    found as materialized (
        select id, neighbour_id, similarity
        from _rm_neighbours(
            snapshot, part,
            (select list({'id': id, 'group': group_id} order by id) from ids where not is_base and place <= most),
            (select list({'id': id, 'group': group_id} order by id) from ids where is_base and place <= most),
            1, 'cosine')
    ),
    judged as materialized (
        select rows.dataset, rows.split, found.id, found.neighbour_id, found.similarity
        from found
        join rows on rows.id = found.id and not rows.is_base
    ),
    sides as (
        select dataset, split, count(*) as n_left from judged group by dataset, split
    ),
    bases as (
        select rows.dataset, count(*) as n_right
        from rows
        join ids on ids.id = rows.id and ids.is_base and ids.place <= most
        where rows.is_base
        group by rows.dataset
    ),
    near as (
        select judged.dataset, judged.split, base.dataset as base, judged.id, judged.neighbour_id, judged.similarity,
               row_number() over (
                   partition by judged.dataset, judged.split, base.dataset
                   order by judged.similarity desc, judged.id) as place
        from judged
        join rows as base on base.id = judged.neighbour_id and base.is_base
        where judged.similarity >= threshold
    ),
    examples as (
        select near.dataset, near.split, near.base,
               string_agg(
                   printf('%.3f: %s (%s) ~ %s (%s)', near.similarity, mine.excerpt, near.id, theirs.excerpt,
                          near.neighbour_id), ' | ' order by near.place) as example
        from near
        join _rm_excerpts(part) as mine on mine.id = near.id
        join _rm_excerpts(part) as theirs on theirs.id = near.neighbour_id
        where near.place <= 3
        group by near.dataset, near.split, near.base
    ),
    counts as (
        select dataset, split, base, count(*) as n from near group by dataset, split, base
    )
    select if(part = 'prompt', 9, 8) as place, 'near ' || part as kind, sides.dataset || ' ' || sides.split as "left",
           bases.dataset || ' train' as "right", coalesce(counts.n, 0) as n, sides.n_left, bases.n_right,
           (select max(n) > most from ids) as is_sample, examples.example
    from sides
    cross join bases
    left join counts on counts.dataset = sides.dataset and counts.split = sides.split and counts.base = bases.dataset
    left join examples
        on examples.dataset = sides.dataset and examples.split = sides.split and examples.base = bases.dataset;

-- Responses, after the last turn they answer, or the last turns of prompts: by id, on one line and cut for a table.
create or replace macro _rm_excerpts(part) as table
    select responses.response_id as id,
           _rm_excerpt(prompts.messages[-1].content) || ' => ' || _rm_excerpt(responses."text") as excerpt
    from rm.main.responses as responses
    join rm.main.prompts as prompts using (prompt_id)
    where part = 'response'
    union all
    select prompt_id, _rm_excerpt(messages[-1].content) from rm.main.prompts where part = 'prompt';

-- A threshold of cosines, if it is one: beyond 1 nothing would ever be near.
create or replace macro _rm_checked_cosine(what, value) as
    case
        when value between -1 and 1 then value
        else error(what || ' is ' || coalesce(value::varchar, 'NULL') || ': give a cosine from -1 to 1')
    end;
