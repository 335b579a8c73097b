-- Vectors of one table by encoder.
select coalesce(encoders.name, 'encoder ' || vectors.encoder_id) as encoder, count(*) as n
from rm.main.{table} as vectors
left join rm.main.encoders as encoders using (encoder_id)
group by all
order by encoder
