-- Splits by group, by hash: every response to one first user turn falls on the same side.

-- 80, 10, 10 by the first 32 bits of the group id.
create or replace macro _rm_hash_split(group_id) as
    case ('0x' || left(group_id::varchar, 8))::uint32 % 10
        when 8 then 'valid'
        when 9 then 'test'
        else 'train'
    end;

-- Fold 0 .. k-1 of a group, from bits that the split does not use.
create or replace macro rm_fold(group_id, k := 5, seed := 0) as
    (('0x' || left(md5('rm_fold/' || seed::varchar || '/' || group_id::varchar), 8))::uint32
        % case when k < 1 then error('k is ' || k || ': give 2 or more folds') else k end)::integer;
comment on macro rm_fold is 'fold 0 .. k-1 of a group, from other bits than the split; k-fold training is one GROUP BY';

-- Groups with a published split; where sources disagree test beats valid beats train.
create or replace macro _rm_published_splits() as table
    select prompts.group_id,
           ['train', 'valid', 'test'][max(list_position(['train', 'valid', 'test'], sources.split))] as split,
           count(distinct sources.split) > 1 as is_disputed
    from rm.main.prompt_sources as sources
    join rm.main.prompts as prompts using (prompt_id)
    where sources.split is not null
    group by prompts.group_id;
