-- What one head says of the responses of a snapshot, on its temperature: a difference of two logits is that of winning.
select {head} as rater, rewards.response_id, rewards.reward / {temperature} as logit, rewards.is_seen
from _rm_response_rewards({head}, {snapshot}) as rewards
