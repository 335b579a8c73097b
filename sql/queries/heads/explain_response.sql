-- One response of a snapshot, explained; {input} is set by head_explain.py.
select rm_explain($head, {input}, k := $k) as explanation
from rm_rows($snapshot) as "rows"
where response_id = try_cast($response as uuid)
limit 1
