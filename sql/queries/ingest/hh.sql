-- A transcript splits at every "\n\nAssistant:"; what follows the last one is the response.
-- A turn's content is what follows "\n\nHuman: " or "\n\nAssistant: " exactly; a marker without the space is text.
with split as (
    select *,
           string_split(field['chosen'], e'\n\nAssistant:') as chosen,
           string_split(field['rejected'], e'\n\nAssistant:') as rejected
    from source
),

sides as (
    select * exclude (chosen, rejected),
           array_to_string(chosen[:-2], e'\n\nAssistant:') as chosen_prompt, chosen[-1] as chosen_text,
           array_to_string(rejected[:-2], e'\n\nAssistant:') as rejected_prompt, rejected[-1] as rejected_text,
           case
               when len(chosen) < 2 then '''chosen'' has no assistant turn'
               when len(rejected) < 2 then '''rejected'' has no assistant turn'
           end as unfit
    from split
)

select row, subset, split, metadata, coalesce(problem, unfit) as problem,
       [_rm_response(_rm_transcript(chosen_prompt), chosen_text),
        _rm_response(_rm_transcript(rejected_prompt), rejected_text)] as responses,
       [_rm_vote(1, 2)] as votes
from sides
