-- Rewards of several heads for the responses of a snapshot, whose vectors are read once; {heads}, {rewards} and {snapshot}
-- are set by functions/leaderboard.py.
select response_id, unnest([{heads}]::integer[]) as head_id, unnest([{rewards}]::float[]) as reward
from rm_rows({snapshot})
