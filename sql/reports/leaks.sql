-- report:  leaks
-- title:   What is shared where it must not be: by splits, by data sets, and with what a head was trained on
-- grain:   one row per kind and pair of sides
-- engines: duckdb
-- filter:  rm_rows, rm_pairs
-- params:  snapshot SNAPSHOT, head HEAD = NULL, threshold DOUBLE = 0.95, most INTEGER = 20000
-- columns: kind VARCHAR, left VARCHAR, right VARCHAR, n BIGINT, n_left BIGINT, n_right BIGINT, share_left DOUBLE,
--          share_right DOUBLE, is_sample BOOLEAN, example VARCHAR
-- note:    n of the n_left items of left are also in right, which has n_right. Counts are of distinct items and
--          complete; where is_sample, only the first `most` by MD5 of a side were compared. Kinds: 'group, splits' and
--          'prompt, splits', of the judged and the training split, 0 by design; 'group, published', which data sets
--          publish in different splits, though here the whole group is in one; 'group' (first user turn), 'prompt'
--          (all turns), 'response' (the same answer to the same prompt) and 'text' (the same answer to any prompt),
--          between data sets; 'near response' and 'near prompt', whose nearest training vector lies in right and has a
--          cosine of threshold or more (no row where the snapshot has no such vectors); 'vote seen by head', votes
--          outside the training split in groups that the head saw (n_right of them) when it was fitted or chosen.
with found as (
    select place, kind, "left", "right", n, n_left, n_right, is_sample, example from _rm_shared_items($snapshot)
    union all by name
    from _rm_near_duplicates(
        $snapshot, 'response', _rm_checked_cosine('threshold', $threshold), _rm_checked_count('most', $most, 1, 10000000))
    union all by name
    from _rm_near_duplicates(
        $snapshot, 'prompt', _rm_checked_cosine('threshold', $threshold), _rm_checked_count('most', $most, 1, 10000000))
    union all by name
    from _rm_seen_votes($head, $snapshot)
)
select kind, "left", "right", n::bigint as n, n_left, n_right, n / n_left as share_left,
       case when place < 8 then n / n_right end as share_right, is_sample, example
from found
order by place, "left", "right"
