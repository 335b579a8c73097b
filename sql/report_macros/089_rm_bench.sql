-- RM-Bench (Liu et al., arXiv 2410.16184; scores as THU-KEG/RM-Bench computes them).

-- The domain of an item from what its row says (the column domain of the published whole) or from its subset: that of
-- its file, or the name that --subset gave it. As in the authors' code refusals and responses are one domain, safety.
create or replace macro _rm_rm_bench_domain(named) as
    case
        when regexp_matches(named, '^(chat|alpacaeval)') then 'chat'
        when regexp_matches(named, '^(code|bigcode/humanevalpack)') then 'code'
        when starts_with(named, 'math') then 'math'
        when regexp_matches(named, '^(safety|refusals-|xstest-)') then 'safety'
        else 'other'
    end;

-- One row per item of three right and three wrong responses, in the styles concise, detailed and markdown, and
-- comparison: the mean, hard (the wrong response has the richer style), normal, easy and the nine pairs of styles. The
-- values are the shares of its pairs where the right response has strictly more reward (hit), as much (tie), strictly
-- more characters (longest) or fewer (shortest).
create or replace macro _rm_rm_bench_items(head, snapshot, split, dataset, subset) as table
    with listed as materialized (
        select responses.*, _rm_rm_bench_domain(coalesce(responses.domain, responses.subset)) as part,
               ['concise', 'detailed', 'markdown'][place] as style
        from _rm_list_rewards(head, snapshot, 'rm-bench', split, dataset, subset) as responses
        window same as (partition by file_id, "row")
        qualify count_if(is_chosen) over same = 3 and count(*) over same = 6
    ),
    faced as (
        select chosen.part as domain, chosen.group_id, chosen.file_id, chosen."row", chosen.is_seen,
               chosen.style as chosen, rejected.style as rejected,
               ['hard', 'normal', 'easy'][sign(chosen.place - rejected.place)::integer + 2] as difficulty,
               (chosen.reward > rejected.reward)::integer as hit, (chosen.reward = rejected.reward)::integer as tie,
               (chosen.n_chars > rejected.n_chars)::integer as longest,
               (chosen.n_chars < rejected.n_chars)::integer as shortest
        from listed as chosen
        join listed as rejected using (file_id, "row")
        where chosen.is_chosen and not rejected.is_chosen
    ),
    spread as (
        select faced.*, unnest(['mean', difficulty, chosen || ' > ' || rejected]) as comparison from faced
    )
    select domain, comparison, case when comparison like '% > %' then any_value(chosen) end as chosen,
           case when comparison like '% > %' then any_value(rejected) end as rejected, any_value(group_id) as group_id,
           bool_or(is_seen) as is_seen, avg(hit) as hit, avg(tie) as tie, avg(longest) as longest,
           avg(shortest) as shortest
    from spread
    group by domain, file_id, "row", comparison;
