-- repair: vectors that stood more than once
-- each:   embedding table
-- Rows that differ in a single bit both stay; which of them is right, their checksums say.
with marked as (
    select rowid as place, row_number() over (
        partition by encoder_id, text_id, _rm_checksum({stored}) order by checksum nulls last, rowid) as number
    from rm.main.{table}
    semi join (
        select encoder_id, text_id from rm.main.{table} group by encoder_id, text_id having count(*) > 1
    ) as repeated using (encoder_id, text_id)
)
delete from rm.main.{table} where rowid in (select place from marked where number > 1)
