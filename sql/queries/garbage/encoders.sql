-- Encoders with the number of their renderings, and whether anything refers to them but renderings.
select encoders.encoder_id, encoders.name, encoders.dim, encoders."precision",
       encoders.encoder_id in (select encoder_id from rm.main.snapshots)
           or encoders.encoder_key in (select encoder_key from rm.main.heads where encoder_key is not null) as is_named,
       count(renderings.encoder_id) as n_renderings
from rm.main.encoders as encoders
left join rm.main.renderings as renderings using (encoder_id)
group by all
order by encoders.name, encoders.encoder_id
