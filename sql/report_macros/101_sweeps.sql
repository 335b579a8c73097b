-- What the reports that sweep over a setting share: lists in text, the votes that a sweep learns from, gold of picks.

-- The distinct numbers of a text such as '0, 0.1, 0.2', in ascending order; each from low to high.
create or replace macro _rm_number_list(what, list_text, low, high) as
    list_sort(list_distinct(list_transform(string_split(list_text, ','), lambda part:
        case
            when try_cast(trim(part) as double) between low and high then try_cast(trim(part) as double)
            else error(what || ' holds ' || coalesce(nullif(trim(part), ''), 'nothing') || ': give numbers from '
                || low || ' to ' || high || ' with commas between them')
        end)));

-- A whole number, if it lies between low and high.
create or replace macro _rm_checked_count(what, value, low, high) as
    case
        when value between low and high then value
        else error(what || ' is ' || coalesce(value::varchar, 'NULL') || ': give a whole number from ' || low || ' to '
            || high)
    end;

-- Decided votes (prob above 0.5) of a snapshot for training and judging, whatever a condition or folds leave out of
-- rm_pairs. split is that of the side that is held out most (test beats valid beats train), so that a vote between
-- prompts never ties training to test. dataset NULL takes every data set.
create or replace macro _rm_trial_votes(snapshot, dataset) as table
    select votes.preference_id, votes.group_id, votes.chosen_id, votes.rejected_id, votes.prob, votes.weight,
           case
               when 'test' in (votes.split, others.split) then 'test'
               when 'valid' in (votes.split, others.split) then 'valid'
               else 'train'
           end as split
    from _rm_all_pairs(snapshot) as votes
    join (
        select responses.response_id, coalesce(published.split, _rm_hash_split(prompts.group_id)) as split
        from rm.main.responses as responses
        join rm.main.prompts as prompts using (prompt_id)
        left join _rm_published_splits() as published using (group_id)
    ) as others on others.response_id = votes.rejected_id
    where votes.prob > 0.5e0 and (dataset is null or votes.dataset = dataset);

-- Rated responses of the test split to pick the best of: at most so many of every prompt, drawn by the seed; prompts
-- with one are left out. gold is the mean of a response's ratings; none for an attribute that is NULL.
create or replace macro _rm_gold_candidates(snapshot, attribute, dataset, most, seed) as table
    with responses as (
        select distinct "rows".group_id, "rows".prompt_id, "rows".response_id
        from rm_rows(snapshot) as "rows"
        where "rows".split = 'test' and (dataset is null or "rows".dataset = dataset)
    ),
    drawn as (
        select responses.group_id, responses.prompt_id, responses.response_id, golds.gold
        from responses
        join _rm_golds(attribute) as golds using (response_id)
        qualify row_number() over (
            partition by responses.prompt_id order by md5(concat_ws('/', 'candidate', seed, responses.response_id))
        ) <= most
    )
    select group_id, prompt_id, response_id, gold, avg(gold) over by_prompt as random,
           max(gold) over by_prompt as oracle
    from drawn
    window by_prompt as (partition by prompt_id)
    qualify count(*) over by_prompt > 1;
