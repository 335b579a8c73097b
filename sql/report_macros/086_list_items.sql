-- Items of benchmarks that list several right and several wrong responses, from files of one format ('rm-bench',
-- 'rewardbench2'). What a row listed, in its order, stands in the metadata of its prompt: a text that occurs twice is
-- one response with one id, and two items may share it.

create or replace macro _rm_listed_ids(metadata, side) as
    coalesce(
        from_json(metadata -> side, '["UUID"]'),
        error('a file was ingested before the order of its lists was kept: drop its data set and ingest it again'));

-- One row per item with a vote in rm_pairs. split 'all', dataset NULL and subset NULL take everything.
create or replace macro _rm_list_items(snapshot, format, split, dataset, subset) as table
    with voted as (
        select distinct votes.dataset, votes.subset, votes.split, votes.group_id, votes.prompt_id, votes.file_id,
               votes."row"
        from rm_pairs(snapshot) as votes
        where split in (votes.split, 'all') and (dataset is null or votes.dataset = dataset)
              and (subset is null or votes.subset = subset)
    )
    select voted.*, sources.metadata ->> '/id' as item, sources.metadata ->> '/domain' as domain,
           _rm_listed_ids(sources.metadata, '/chosen_ids') as chosen_ids,
           _rm_listed_ids(sources.metadata, '/rejected_ids') as rejected_ids
    from voted
    join rm.main.dataset_files as files on files.file_id = voted.file_id and files.format = format
    join rm.main.prompt_sources as sources
        on sources.file_id = voted.file_id and sources."row" = voted."row" and sources.prompt_id = voted.prompt_id;

-- One row per response that an item lists, as often as it lists it: is_chosen, its place in that list from 1, reward
-- and characters. Items with a response outside the snapshot are left out. is_seen says whether the head saw the group.
create or replace macro _rm_list_rewards(head, snapshot, format, split, dataset, subset) as table
    with rewards as (
        select response_id, reward, n_chars, is_seen from _rm_response_rewards(head, snapshot)
    ),
    listed as (
        select items.* exclude (chosen_ids, rejected_ids), len(chosen_ids) + len(rejected_ids) as n_listed,
               unnest(list_concat(chosen_ids, rejected_ids)) as response_id,
               unnest(list_concat(range(1, len(chosen_ids) + 1), range(-1, -len(rejected_ids) - 1, -1))) as place
        from _rm_list_items(snapshot, format, split, dataset, subset) as items
    )
    select listed.dataset, listed.subset, listed.domain, listed.item, listed.group_id, listed.file_id, listed."row",
           listed.place > 0 as is_chosen, abs(listed.place) as place, rewards.reward, rewards.n_chars, rewards.is_seen
    from listed
    left join rewards using (response_id)
    qualify count(rewards.response_id) over (partition by listed.file_id, listed."row") = n_listed;
