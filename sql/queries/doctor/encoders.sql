select encoders.name, encoders.dim, encoders."precision", count(renderings.text_id) as renderings,
       nullif(json_extract(encoders.spec, '$.options')::varchar, '{}') as options
from rm.main.encoders as encoders
left join rm.main.renderings as renderings using (encoder_id)
group by all
order by encoders.name, encoders.dim
