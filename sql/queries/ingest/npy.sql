-- Placeholders for the texts of an array of vectors, with the rewards that stand beside it.
with rows as (
    select *, try_cast(field['prompt_number'] as bigint) as number, try_cast(field['n_responses'] as bigint) as n,
           try(from_json(field['rewards'], '["DOUBLE"]')) as rewards
    from source
)

select row, subset, split, metadata, _rm_no_votes() as votes,
       coalesce(problem, case
           when coalesce(number, -1) < 0 then '''prompt_number'' is not a number of a prompt'
           when coalesce(n, 0) < 1 then '''n_responses'' is not 1 or more'
           when field['rewards'] is not null and coalesce(len(rewards), 0) <> n
               then '''rewards'' is not a list of ' || n || ' numbers'
       end) as problem,
       list_transform(range(n), lambda i: _rm_response(
           _rm_user(_rm_placeholder_prompt(field['file'], number)), _rm_placeholder_response(field['file'], number, i),
           ratings := [_rm_rating($attribute, rewards[i + 1])])) as responses
from rows
