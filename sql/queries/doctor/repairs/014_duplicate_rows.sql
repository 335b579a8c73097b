-- repair: rows with an id of their own that stood more than once
-- each:   prompts, responses, generations, preferences, ratings, steps, datasets, dataset_files, encoders, snapshots, heads
-- Only copies that are equal in all columns; which of two different rows of an id is right is not to be guessed.
with repeated as (select hash(entry) as mark from rm.main.{table} as entry group by mark having count(*) > 1),
numbered as (
    select rowid as place, row_number() over (partition by entry order by rowid) as number
    from rm.main.{table} as entry
    where hash(entry) in (select mark from repeated)
)
delete from rm.main.{table} where rowid in (select place from numbered where number > 1)
