-- The table of README.md: gains over one head of the same kind by band of label error, averaged over objectives and
-- pair schemes; accuracy in points, best of 10 in units of gold. Bold where the 95 % interval leaves 0 out.
with texts as (
    select head, method, metric || ' ' || band as place,
           case metric when 'accuracy' then printf('%+.1f', 100 * gain) else printf('%+.2f', gain) end as number,
           if(low > 0 or high < 0, '**' || number || '**', number) as text
    from study.summary
    where question = 'ensemble' and metric in ('accuracy', 'bon_10')
)
select head, method as "ensemble as",
       max(text) filter (place = 'accuracy 0-15%') as "accuracy, 0-15 % wrong",
       max(text) filter (place = 'accuracy 15-35%') as "15-35 %",
       max(text) filter (place = 'accuracy 35-45%') as "35-45 %",
       max(text) filter (place = 'accuracy 45-50%') as "45-50 %",
       max(text) filter (place = 'bon_10 0-15%') as "best of 10, 0-15 % wrong",
       max(text) filter (place = 'bon_10 15-35%') as "15-35 % ",
       max(text) filter (place = 'bon_10 35-45%') as "35-45 % ",
       max(text) filter (place = 'bon_10 45-50%') as "45-50 % "
from texts
group by head, method
order by list_position(['linear', 'mlp', 'lightgbm'], head),
         list_position(['mean', 'uwo', 'wco', 'warm', 'member'], method)
