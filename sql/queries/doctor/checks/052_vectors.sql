-- check: every rendered text has its vector
-- hint:  run the same rmstore embed again
-- each:  embedding table
with rendered as (
    select distinct renderings.encoder_id, renderings.text_id
    from rm.main.renderings as renderings
    join rm.main.encoders as encoders using (encoder_id)
    where 'embeddings_' || encoders.dim || '_' || encoders."precision" = $table
)
select 'text ' || text_id || ' for encoder ' || encoder_id as example, 1 as n
from rendered
anti join rm.main.{table} as vectors using (encoder_id, text_id)
order by example
