-- Steps of a snapshot with the reward of one head; functions/steps.py sets the number and the input of
-- the head, and the query for steps.
with trained as (
    select group_id from rm.main.head_training where head_id = {head_id}
),
has_groups as (
    select count(*) > 0 as is_known from trained
)
select steps.* exclude (embedding),
       _rm_score({head_id}, {input}) as reward,
       _rm_step_prob({head_id}, {input}) as prob,
       case when has_groups.is_known then trained.group_id is not null end as seen_in_training
from (
{steps}
) as steps
cross join has_groups
left join trained using (group_id)
