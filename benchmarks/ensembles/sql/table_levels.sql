-- The levels of README.md: what one head reaches at each quality, averaged over objectives and pair schemes.
with levels as (
    select configs.quality, configs.label_error, configs.scheme, configs.head, replicates.metric, replicates.value
    from study.replicates as replicates
    join study.configs as configs using (config)
    where replicates.replicate = 0 and configs.method = 'single' and replicates.metric in ('accuracy', 'bon_10')
)
select printf('%g', quality) as q,
       printf('%.1f %%', 100 * avg(label_error) filter (scheme = 'within')) as "wrong within",
       printf('%.1f %%', 100 * avg(label_error) filter (scheme = 'across')) as "across",
       printf('%.1f', 100 * avg(value) filter (head = 'linear' and metric = 'accuracy')) as "accuracy: linear",
       printf('%.1f', 100 * avg(value) filter (head = 'mlp' and metric = 'accuracy')) as "mlp",
       printf('%.1f', 100 * avg(value) filter (head = 'lightgbm' and metric = 'accuracy')) as "lightgbm",
       printf('%.2f', avg(value) filter (head = 'linear' and metric = 'bon_10')) as "best of 10: linear",
       printf('%.2f', avg(value) filter (head = 'mlp' and metric = 'bon_10')) as "mlp ",
       printf('%.2f', avg(value) filter (head = 'lightgbm' and metric = 'bon_10')) as "lightgbm "
from levels
group by quality
order by quality desc
