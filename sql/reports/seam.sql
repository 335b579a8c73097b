-- report:  seam
-- title:   How well a head fits the policy: worse responses that it overrates, weighted by how likely they are
-- grain:   one row per data set and measure; 'all' marks totals, which are there even if nothing could be measured
-- engines: duckdb
-- filter:  rm_rows
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'test', dataset VARCHAR = NULL, subset VARCHAR = NULL,
--          attribute VARCHAR = 'gold', negatives VARCHAR = 'pool', positive VARCHAR = 'best',
--          form VARCHAR = 'indicator', alpha DOUBLE = 1, normalised BOOLEAN = false, policy VARCHAR = NULL
-- columns: dataset VARCHAR, measure VARCHAR, negatives VARCHAR, n BIGINT, n_groups BIGINT, n_seen BIGINT, value DOUBLE,
--          low DOUBLE, high DOUBLE, random DOUBLE, missing VARCHAR
-- compare: value = total / n in units by dataset, measure
-- chart:   bar x=measure y=value,random low=low high=high facet=dataset x_title='measure'
--          y_title='mean over prompts or pairs'
-- note:    seam is a RECONSTRUCTION of arXiv 2406.07971, whose formula could not be verified: the mean over prompts of
--          rm_seam's mass, or of its share where normalised. hacking: share of the negatives with a higher reward than
--          the positive. negatives is an origin of responses, or 'pool' (an adaptation: the sampled responses rated
--          lower, each as likely as any of the prompt where log-probabilities are missing). Compare heads on the same
--          negatives. mismatch: share of the pairs of sampled responses that the head ranks against the ratings of the
--          attribute, or against the votes; equal rewards count half. n: prompts, or pairs; n_seen of groups that the
--          head saw are left out. random: a head that knows nothing (NULL for the hinge, whose scale is the head's).
--          Intervals by whole groups. missing: why there is no value.
with prompts as materialized (
    select dataset, group_id, is_seen, hacking, if($normalised, share, mass) as seam,
           case when $form = 'indicator' then if($normalised, 0.5e0, 0.5e0 * likelihood) end as random
    from rm_seam($head, $snapshot, negatives := $negatives, positive := $positive, attribute := $attribute,
                 form := $form, alpha := $alpha, policy := $policy)
    where $split in (split, 'all') and ($dataset is null or dataset = $dataset)
        and ($subset is null or subset = $subset)
),
parts as (
    select dataset, 'seam' as measure, group_id, is_seen, 1 as n, seam as total, random
    from prompts
    where seam is not null
    union all
    select dataset, 'hacking', group_id, is_seen, 1, hacking, 0.5e0 from prompts
    union all
    select dataset, measure, group_id, is_seen, n, total, 0.5e0 * n
    from _rm_mismatches($head, $snapshot, $split, $dataset, $subset, $attribute, $policy)
),
units as materialized (
    select cell.dataset, measure, group_id, coalesce(sum(n) filter (is_seen is not true), 0) as n,
           coalesce(sum(total) filter (is_seen is not true), 0e0) as total,
           sum(random) filter (is_seen is not true) as random, coalesce(sum(n) filter (is_seen), 0) as n_seen,
           coalesce(sum(n) filter (is_seen is null), 0) as n_unknown
    from parts
    cross join (select unnest([parts.dataset, 'all']) as dataset) as cell
    group by cell.dataset, measure, group_id
),
measured as (
    select dataset, measure, sum(n)::bigint as n, count_if(n > 0)::bigint as n_groups,
           case when sum(n_unknown) = 0 then sum(n_seen)::bigint end as n_seen, _rm_mean(n, total) as value,
           if(measure = 'seam', _rm_mean_interval(n, total), _rm_share_interval(n, total)) as span,
           _rm_mean(n, random) as random
    from units
    group by dataset, measure
),
measures as (
    select place, measure, missing
    from (values
        (1, 'seam', 'no prompt has a positive, and negatives with logp and n_tokens: ingest those responses'),
        (2, 'hacking', 'no prompt has a positive and negatives of this kind: ingest them with that origin'),
        (3, 'mismatch with ratings', 'no two sampled responses to a prompt are rated differently'),
        (4, 'mismatch with votes', 'no decided vote is on two sampled responses')
    ) as texts(place, measure, missing)
),
places as (
    select distinct dataset from measured union select 'all'
)
select places.dataset, measures.measure, if(measures.place < 3, $negatives, null) as negatives,
       coalesce(measured.n, 0) as n, coalesce(measured.n_groups, 0) as n_groups,
       if(measured.measure is null, 0, measured.n_seen) as n_seen, measured.value,
       measured.span.low as low, measured.span.high as high, measured.random,
       case when coalesce(measured.n, 0) = 0 then measures.missing end as missing
from places
cross join measures
left join measured on measured.dataset = places.dataset and measured.measure = measures.measure
order by nullif(places.dataset, 'all') nulls last, measures.place
