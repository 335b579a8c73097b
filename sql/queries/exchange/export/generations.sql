select generations.generation_id::varchar as generation_id, generations.response_id::varchar as response_id,
       datasets.name as dataset, generations.subset, generations.policy, generations.variant, generations.logp,
       generations.n_tokens, generations.origin, generations.parent::varchar as parent
from rm.main.generations as generations
join rm.main.datasets as datasets using (dataset_id)
semi join _rm_members using (response_id)
where list_contains($dataset_ids::integer[], datasets.dataset_id)
order by generations.generation_id
