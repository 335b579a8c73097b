-- Every two answers to a prompt make a pair.
with rated as (
    select prompts.prompt_id, prompts.messages[1].content as prompt,
           responses.text, generations.policy, generations.subset,
           ratings.value as gold
    from responses
    join prompts using (prompt_id)
    join generations using (response_id)
    join ratings using (response_id)
    where ratings.attribute = 'gold'
)
select better.prompt, better.text as chosen, worse.text as rejected,
       better.policy as chosen_model, worse.policy as rejected_model,
       better.subset, better.gold - worse.gold as margin
from rated as better
join rated as worse
    on worse.prompt_id = better.prompt_id and worse.gold < better.gold
order by all
