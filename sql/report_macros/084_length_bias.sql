-- What the report length-bias counts by.

-- The ratio of the longer to the shorter of two lengths, as a word; an empty side is infinitely shorter.
create or replace macro _rm_length_ratio(a, b) as
    case
        when a is null or b is null then 'unknown'
        when a = b then 'equal'
        when greatest(a, b) <= 1.25e0 * least(a, b) then 'to 1.25'
        when greatest(a, b) <= 1.6e0 * least(a, b) then 'to 1.6'
        when greatest(a, b) <= 2.5e0 * least(a, b) then 'to 2.5'
        else 'over 2.5'
    end;

create or replace macro _rm_length_place(ratio) as
    list_position(['equal', 'to 1.25', 'to 1.6', 'to 2.5', 'over 2.5', 'unknown', 'all'], ratio);

-- Mean of correlations with its 95 % interval, which ends where correlations do.
create or replace macro _rm_correlation_mean(n, total) as {
    'mean': _rm_mean(n, total),
    'low': case when count_if(n > 0) > 1 then greatest(-1e0, _rm_mean_interval(n, total).low) end,
    'high': case when count_if(n > 0) > 1 then least(1e0, _rm_mean_interval(n, total).high) end
};

-- Spearman's correlation of reward and length within prompts, chars and tokens: the mean over prompts with its 95 %
-- interval clustered by group, over the distinct responses of groups that the head did not see. Equal values share
-- their mean rank; a prompt of one response, one length or one reward has no correlation, and is in n_constant for
-- chars.
create or replace macro _rm_length_correlation(head, snapshot, split, dataset, subset) as table
    with responses as (
        select "rows".group_id, "rows".prompt_id, "rows".response_id, any_value("rows".reward) as reward,
               any_value("rows".n_chars) filter (placed.dataset is null) as n_chars,
               any_value("rows".n_tokens) as n_tokens
        from rm_rewards(head, snapshot) as "rows"
        left join _rm_datasets_without_text() as placed on placed.dataset = "rows".dataset
        where split in ("rows".split, 'all') and (dataset is null or "rows".dataset = dataset)
            and (subset is null or "rows".subset = subset) and not coalesce("rows".seen_in_training, false)
        group by "rows".group_id, "rows".prompt_id, "rows".response_id
    ),
    lengths as (
        select group_id, prompt_id, reward, n_chars as length, true as is_chars from responses
        union all
        select group_id, prompt_id, reward, n_tokens, false from responses
    ),
    ranked as (
        select group_id, prompt_id, is_chars,
               rank() over (partition by is_chars, prompt_id order by reward)
                   + (count(*) over (partition by is_chars, prompt_id, reward) - 1) / 2e0 as by_reward,
               rank() over (partition by is_chars, prompt_id order by length)
                   + (count(*) over (partition by is_chars, prompt_id, length) - 1) / 2e0 as by_length
        from lengths
        where length is not null
    ),
    prompts as (
        select group_id, prompt_id, is_chars,
               case when min(by_reward) < max(by_reward) and min(by_length) < max(by_length)
                   then greatest(-1e0, least(1e0, corr(by_reward, by_length))) end as rho
        from ranked
        group by group_id, prompt_id, is_chars
    ),
    "groups" as (
        select group_id, count(rho) filter (is_chars) as n_chars, _rm_total(rho, is_chars) as chars,
               count(rho) filter (not is_chars) as n_tokens, _rm_total(rho, not is_chars) as tokens,
               count_if(is_chars and rho is null) as n_constant
        from prompts
        group by group_id
    )
    select _rm_correlation_mean(n_chars, chars) as chars, _rm_correlation_mean(n_tokens, tokens) as tokens,
           sum(n_chars)::bigint as n_prompts, sum(n_constant)::bigint as n_constant
    from "groups"
    having count(*) > 0;
