insert into rm.main.generations
select fresh.generation_id, fresh.response_id, homes.dataset_id, fresh.subset, fresh.policy, fresh.variant, fresh.logp,
       fresh.n_tokens, fresh.origin, fresh.parent
from _rm_in_generations as fresh
join _rm_homes as homes using (dataset)
anti join (select generation_id from rm.main.generations) as known using (generation_id)
order by fresh.generation_id
