-- A chat side that begins with an assistant turn goes on from the prompt; any other chat side holds its own prompt.
with read as (
    select *, _rm_prompt(kind['prompt'], field['prompt']) as prompt,
           case when kind['chosen'] = 'ARRAY' then _rm_chat(field['chosen']) end as chosen,
           case when kind['rejected'] = 'ARRAY' then _rm_chat(field['rejected']) end as rejected
    from source
),

whole as (
    select * exclude (chosen, rejected),
           case when chosen[1]."role" = 'assistant' and prompt is not null and chosen[:len(prompt)] <> prompt
               then prompt || chosen else chosen end as chosen,
           case when rejected[1]."role" = 'assistant' and prompt is not null and rejected[:len(prompt)] <> prompt
               then prompt || rejected else rejected end as rejected
    from read
),

checked as (
    select *,
           coalesce(
               case when kind['prompt'] = 'ARRAY' then _rm_chat_problem('prompt', field['prompt']) end,
               case when prompt is null and (chosen is null or rejected is null)
                   then '''prompt'' is missing, and a side that is a text does not hold it' end,
               case when kind['chosen'] = 'ARRAY' then _rm_chat_problem('chosen', field['chosen']) end,
               case when kind['rejected'] = 'ARRAY' then _rm_chat_problem('rejected', field['rejected']) end,
               case
                   when chosen[-1]."role" <> 'assistant' then '''chosen'' ends with a turn of ''' || chosen[-1]."role" || ''''
                   when rejected[-1]."role" <> 'assistant'
                       then '''rejected'' ends with a turn of ''' || rejected[-1]."role" || ''''
                   when len(chosen) = 1 or len(rejected) = 1
                       then '''prompt'' is missing, and a side has no turn before the response'
               end) as unfit,
           -- columns that would lose something if they were dropped from the metadata
           case when kind['prompt'] = 'ARRAY' and _rm_chat_has_more(field['prompt'])
                     or prompt is not null and chosen is not null and rejected is not null
                        and not (list_contains(chosen, prompt[-1]) and list_contains(rejected, prompt[-1]))
               then {'prompt': record -> '/prompt'}::json else '{}'::json end as kept_prompt,
           case when kind['chosen'] = 'ARRAY' and _rm_chat_has_more(field['chosen'])
               then {'chosen': record -> '/chosen'}::json else '{}'::json end as kept_chosen,
           case when kind['rejected'] = 'ARRAY' and _rm_chat_has_more(field['rejected'])
               then {'rejected': record -> '/rejected'}::json else '{}'::json end as kept_rejected,
           field['source'] in ('human', 'judge', 'pseudo', 'simulated', 'constructed') as is_voter
    from whole
)

select row, subset, split,
       case when kept_prompt <> '{}' or kept_chosen <> '{}' or kept_rejected <> '{}' or not is_voter
           then json_merge_patch(
               metadata, kept_prompt, kept_chosen, kept_rejected,
               case when not is_voter then {'source': record -> '/source'}::json else '{}'::json end)
           else metadata end as metadata,
       coalesce(problem, unfit) as problem,
       [_rm_response(
            case when chosen is null then prompt else chosen[:-2] end,
            case when chosen is null then field['chosen'] else chosen[-1].content end,
            policy := field['chosen_model'], logp := _rm_number(field['chosen_logp']),
            ratings := case when _rm_number(field['score_chosen']) is not null
                then [_rm_rating('score', _rm_number(field['score_chosen']), field['annotator'])] end),
        _rm_response(
            case when rejected is null then prompt else rejected[:-2] end,
            case when rejected is null then field['rejected'] else rejected[-1].content end,
            policy := field['rejected_model'], logp := _rm_number(field['rejected_logp']),
            ratings := case when _rm_number(field['score_rejected']) is not null
                then [_rm_rating('score', _rm_number(field['score_rejected']), field['annotator'])] end)
       ] as responses,
       [_rm_vote(
            1, 2, prob := coalesce(_rm_number(field['prob']), 1), margin := _rm_number(field['margin']),
            weight := coalesce(_rm_number(field['weight']), 1), annotator := field['annotator'],
            source := case when is_voter then field['source'] else 'human' end)] as votes
from checked
