-- A hash over the sorted ids (each once), by bucket so that no string grows with the table.
with ids as (
    select response_id::varchar as id from _rm_members
),
buckets as (
    select left(id, 3) as bucket, sha256(string_agg(id, '' order by id)) as digest
    from ids
    group by bucket
)
select sha256(coalesce(string_agg(bucket || digest, '' order by bucket), '')) as fingerprint from buckets;
