-- The k nearest rows of a base for each judged row, by the vectors of a snapshot: exact, in bounded memory. judged and
-- base are lists of {id, group}, and no row has a neighbour of its own group. part 'response' compares responses by the
-- vectors of the snapshot, 'prompt' prompts by those of its encoder; what has no such vector is not there. metric is
-- 'cosine', 'inner' or 'euclidean', where similarity is minus the distance.
create or replace macro _rm_neighbours(snapshot, part, judged, base, k, metric) as table
    select found.id::uuid as id, found.neighbour_id::uuid as neighbour_id, found.place, found.similarity
    from (select unnest(_rm_nearest(snapshot, part, judged, base, k::integer, metric)) as found);

-- A text on one line, cut for a table.
create or replace macro _rm_excerpt(text) as
    case when length(text) > 80 then left(regexp_replace(text, '\s+', ' ', 'g'), 79) || '…'
         else regexp_replace(text, '\s+', ' ', 'g') end;
