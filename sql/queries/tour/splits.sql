select split, count(distinct prompt_id) as prompts, count(*) as responses,
       round(avg(n_chars)) as mean_chars
from rm_rows('tour@1')
group by split
order by split
