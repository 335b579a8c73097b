-- What rm_rows shows: one row per (member, generation in the data sets of the snapshot).
select responses.prompt_id,
       prompts.group_id,
       responses.response_id,
       datasets.name as dataset,
       generations.subset,
       coalesce(splits.split, _rm_hash_split(prompts.group_id)) as split,
       generations.policy,
       length(responses.text) as n_chars,
       members.n_tokens,
       members.embedding
from (
{members}
) as members
join rm.main.responses as responses using (response_id)
join rm.main.prompts as prompts using (prompt_id)
join rm.main.generations as generations using (response_id)
join rm.main.datasets as datasets using (dataset_id)
left join _rm_published_splits() as splits using (group_id)
where datasets.dataset_id in ({dataset_ids})
