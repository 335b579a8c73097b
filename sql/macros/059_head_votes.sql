-- The votes that a head can have been trained on: between members of its snapshot, of the snapshot's data sets, with both
-- sides in groups that the head saw in training or validation. What the training query filtered out within such a group
-- is not known, so it is here; a head without a snapshot, or whose groups are unknown, has none. head is a head_id.
create or replace macro _rm_head_votes(head) as table
    with sources as (
        select snapshots.snapshot_id, snapshots.datasets
        from rm.main.heads as heads
        join rm.main.snapshots as snapshots using (snapshot_id)
        where heads.head_id = head
    ),
    seen as (
        select members.response_id, responses.prompt_id, prompts.group_id, length(responses.text) as n_chars
        from rm.main.snapshot_members as members
        join sources using (snapshot_id)
        join rm.main.responses as responses using (response_id)
        join rm.main.prompts as prompts using (prompt_id)
        where prompts.group_id in (select group_id from rm.main.head_training where head_id = head)
    )
    select votes.preference_id, votes.chosen_id, votes.rejected_id, votes.prob, votes.annotator, votes.source,
           datasets.name as dataset, chosen.prompt_id, chosen.group_id,
           chosen.prompt_id <> rejected.prompt_id as is_cross, chosen.n_chars > rejected.n_chars as is_longer
    from rm.main.preferences as votes
    join rm.main.datasets as datasets using (dataset_id)
    join seen as chosen on chosen.response_id = votes.chosen_id
    join seen as rejected on rejected.response_id = votes.rejected_id
    where list_contains((select any_value(sources.datasets) from sources), datasets.name);
