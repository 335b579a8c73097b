-- Rows of a snapshot with the reward of one head; {head_id}, {snapshot} and {input} are set by functions/rewards.py.
with trained as (
    select group_id from rm.main.head_training where head_id = {head_id}
),
has_groups as (
    select count(*) > 0 as is_known from trained
)
select "rows".* exclude (embedding),
       _rm_score({head_id}, {input}) as reward,
       _rm_score_members({head_id}, {input}) as members,
       case when has_groups.is_known then trained.group_id is not null end as seen_in_training
from rm_rows({snapshot}) as "rows"
cross join has_groups
left join trained using (group_id)
