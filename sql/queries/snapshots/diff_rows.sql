-- What rm_snapshot_diff shows: one row per response of either snapshot. Columns nobody asks for, above all the vectors
-- behind the cosine, are not read.
select changes.response_id,
       responses.prompt_id,
       changes.change,
       changes.old_n_tokens,
       changes.new_n_tokens,
       {cosine} as cosine
from (
{changes}
) as changes
left join rm.main.responses as responses using (response_id)
{moves}
