-- What rm_pairs shows: the votes of the snapshot's data sets whose two sides are members.
select preferences.*,
       responses.prompt_id,
       prompts.group_id,
       datasets.name as dataset,
       coalesce(splits.split, _rm_hash_split(prompts.group_id)) as split,
       chosen.embedding as chosen_embedding,
       rejected.embedding as rejected_embedding,
       length(responses.text) as chosen_chars,
       length(others.text) as rejected_chars
from rm.main.preferences as preferences
join rm.main.datasets as datasets using (dataset_id)
join (
{members}
) as chosen on chosen.response_id = preferences.chosen_id
join (
{members}
) as rejected on rejected.response_id = preferences.rejected_id
join rm.main.responses as responses on responses.response_id = preferences.chosen_id
join rm.main.responses as others on others.response_id = preferences.rejected_id
join rm.main.prompts as prompts on prompts.prompt_id = responses.prompt_id
left join _rm_published_splits() as splits using (group_id)
where datasets.dataset_id in ({dataset_ids})
