-- Reads each vector that is needed once, as its bytes are stored; what is kept of it are three flags.
create or replace temp table _rm_checked as
select vectors.text_id,
       vectors.checksum is not null as is_summed,
       coalesce(vectors.checksum = _rm_checksum({stored}), true) as is_right,
       _rm_is_finite({stored}) as is_finite
from rm.main.{vectors} as vectors
semi join _rm_needed as needed using (text_id)
where vectors.encoder_id = $encoder_id;
