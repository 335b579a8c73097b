-- What a head would vote.
select * from rm_reward_votes({head}, {snapshot})
