-- check: vectors are finite and match their checksums
-- hint:  rmstore doctor --repair embeds them again; imported vectors must be imported again
-- each:  embedding table
with sampled as (
    select encoder_id, text_id, checksum, _rm_checksum({stored}) as found
    from rm.main.{table}
    where $sample is null
       or ('0x' || right(text_id::varchar, 8))::uint32 % greatest(1, (select count(*) from rm.main.{table}) // $sample) = 0
),
sums as (
    -- a component that is no number makes the sum of all none
    select encoder_id, text_id, isfinite(list_sum(embedding::double[])) as is_finite
    from {vectors} as vectors
    where $sample is null
       or ('0x' || right(text_id::varchar, 8))::uint32 % greatest(1, (select count(*) from rm.main.{table}) // $sample) = 0
)
select distinct 'text ' || sampled.text_id || ' for encoder ' || sampled.encoder_id as example, 1 as n
from sampled
join sums using (encoder_id, text_id)
where sampled.checksum <> sampled.found or not coalesce(sums.is_finite, false)
order by example
