-- What became of every response of two snapshots; {common} says it of those in both.
select response_id,
       case when old.response_id is null then 'added'
            when new.response_id is null then 'removed'
            else {common} end as change,
       old.n_tokens as old_n_tokens,
       new.n_tokens as new_n_tokens
from (
{old}
) as old
full join (
{new}
) as new using (response_id)
