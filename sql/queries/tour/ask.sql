with answers as (
    select response_id, embedding,
           rm_score('tour-linear@1', embedding) as reward
    from rm_rows('tour@1')
    where split = 'test'
    qualify prompt_id = min(prompt_id) over ()
)
select round(reward, 2) as reward, ratings.value as gold,
       round(rm_win_prob('tour-linear@1', first(embedding) over ranked,
                         embedding), 2) as first_wins,
       left(responses.text, 42) as answer
from answers
join responses using (response_id)
join ratings on ratings.response_id = answers.response_id
    and ratings.attribute = 'gold'
window ranked as (order by reward desc)
order by reward desc
