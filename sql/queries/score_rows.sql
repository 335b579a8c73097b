-- What `rmstore score` writes: the rows of a snapshot with their rewards, without the vectors.
select prompt_id, group_id, response_id, dataset, subset, split, policy, n_chars, n_tokens, reward, members,
       seen_in_training
from rm_rewards($head, $snapshot)
order by prompt_id, response_id, dataset, policy
