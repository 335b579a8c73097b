-- What every adapter selects from: one line per row of the file, with its columns by name and what is wrong with it.
-- The SQL of the adapter stands in its middle; fields and kinds are structs of its columns, remarks is what it says of
-- rows. The row number is the place in _rm_raw, which keeps the order of the file: row ids of a table made in the same
-- transaction are consecutive, but do not begin at 0. Rows come in slices, of $first to $last, since the lists that an
-- adapter makes of a row are held in memory.
{into}
with extracted as (
    select rowid - (select min(rowid) from _rm_raw) + 1 as row, record, problem as unreadable,
           json_extract_string(record, $pointers) as texts, json_type(record, $pointers) as kinds,
           json_merge_patch(record, $stored) as metadata
    from _rm_raw
    where rowid between (select min(rowid) from _rm_raw) + $first - 1 and (select min(rowid) from _rm_raw) + $last - 1
),

source as (
    select row, record, {fields} as field, {kinds} as kind,
           -- 'all' is no part of anything, and reports call the total so
           coalesce($subset, case when texts[$subset_at] not in ('', 'all') then texts[$subset_at] end) as subset,
           coalesce($split, case
               when nullif(texts[$split_at], '') is null then null
               when lower(texts[$split_at]) in ('train', 'training') then 'train'
               when lower(texts[$split_at]) in ('valid', 'validation', 'val', 'dev') then 'valid'
               when lower(texts[$split_at]) in ('test', 'eval', 'evaluation') then 'test'
               else texts[$split_at]
           end) as split,
           metadata,
           case
               when unreadable is not null then unreadable
               -- the types in the order of the columns; the usual ones match at once
               when regexp_full_match(array_to_string(list_transform(kinds, lambda k: coalesce(k, '-')), ' '), $usual) then null
               when json_type(record) <> 'OBJECT' then 'it is not a JSON object'
               else list_filter(list_transform(range(1, len($names) + 1), lambda i: case
                   when coalesce(kinds[i], 'NULL') = 'NULL' then
                       case when not $required[i] then null
                            else '''' || $names[i] || '''' || case when kinds[i] is null then ' is missing' else ' is null' end
                       end
                   when list_contains($accepts[i], kinds[i]) then null
                   when kinds[i] = 'VARCHAR' and list_contains($accepts[i], 'DOUBLE')
                        and (texts[i] = '' or try_cast(texts[i] as double) is not null) then null
                   when kinds[i] = 'VARCHAR' and texts[i] = '' and not $required[i] then null
                   when kinds[i] = 'VARCHAR' and coalesce(json_type(try_cast(texts[i] as json)), '-') in ('ARRAY', 'OBJECT')
                        and list_contains($accepts[i], json_type(try_cast(texts[i] as json))) then null
                   else '''' || $names[i] || ''' is ' || case kinds[i]
                       when 'VARCHAR' then 'a text' when 'ARRAY' then 'a list' when 'OBJECT' then 'an object'
                       when 'BOOLEAN' then 'true or false' else 'a number' end || ', not ' || $wanted[i]
               end), lambda problem: problem is not null)[1]
           end as problem
    from extracted
),

adapted as (
    {adapter}
)

select row, subset, split, nullif(metadata, '{}') as metadata, responses, votes, {remarks} as remarks,
       case when problem is null then _rm_prompt_id(responses[1].messages) end as prompt_id,
       case when problem is null then _rm_group_id(responses[1].messages) end as group_id,
       case
           when problem is not null then problem
           when split not in ('train', 'valid', 'test') then 'the split is ''' || split || ''', not train, valid or test'
           when coalesce(len(responses), 0) = 0 then 'it has no responses'
           when len(list_filter(responses, lambda r:
                   coalesce(len(r.messages), 0) = 0 or r.text is null or not coalesce(isfinite(r.logp), true)
                   or len(list_filter(r.ratings, lambda rating: not coalesce(isfinite(rating.value), true))) > 0)) = 0
               and len(list_filter(votes, lambda v:
                   not coalesce(v.prob between 0 and 1, false) or not coalesce(isfinite(v.margin), true)
                   or not coalesce(isfinite(v.weight) and v.weight >= 0, false))) = 0 then null
           -- which of these it is
           when list_bool_or(list_transform(responses, lambda r: coalesce(len(r.messages), 0) = 0)) then 'it has no prompt'
           when list_bool_or(list_transform(responses, lambda r: r.text is null)) then 'a response has no text'
           when list_bool_or(list_transform(responses, lambda r: not coalesce(isfinite(r.logp), true)))
               then 'a log-probability is not finite'
           when list_bool_or(list_transform(responses, lambda r: list_bool_or(list_transform(
                r.ratings, lambda rating: not coalesce(isfinite(rating.value), true))))) then 'a rating is not finite'
           when list_bool_or(list_transform(votes, lambda v: not coalesce(v.prob between 0 and 1, false)))
               then 'a preference probability is not between 0 and 1'
           when list_bool_or(list_transform(votes, lambda v: not coalesce(isfinite(v.margin), true)))
               then 'a margin is not finite'
           when list_bool_or(list_transform(votes, lambda v: not coalesce(isfinite(v.weight) and v.weight >= 0, false)))
               then 'a weight is negative or not finite'
       end as problem
from adapted
