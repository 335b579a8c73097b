-- What one head says of the responses of a snapshot, on its temperature: a difference of two logits is that of winning.
select {head} as rater, rewards.response_id, any_value(rewards.reward)::double / {temperature} as logit,
       bool_or(rewards.seen_in_training) as is_seen
from rm_rewards({head}, {snapshot}) as rewards
group by rewards.response_id
