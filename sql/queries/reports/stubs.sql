-- Empty stand-ins, for this cursor, of the functions that need a head or a snapshot: with them a report can be
-- described in any store. tests/test_reports_check.py compares them with the functions themselves.
create or replace temp macro rm_rows(snapshot) as table
    select null::uuid as prompt_id, null::uuid as group_id, null::uuid as response_id, null::varchar as dataset,
           null::varchar as subset, null::varchar as split, null::varchar as policy, null::bigint as n_chars,
           null::integer as n_tokens, null::float[8] as embedding
    where false;

create or replace temp macro rm_pairs(snapshot) as table
    select null::uuid as preference_id, null::uuid as chosen_id, null::uuid as rejected_id, null::double as prob,
           null::double as margin, null::double as weight, null::varchar as annotator, null::varchar as source,
           null::integer as dataset_id, null::varchar as subset, null::integer as file_id, null::bigint as "row",
           null::integer as occurrence, null::uuid as prompt_id, null::uuid as group_id, null::varchar as dataset,
           null::varchar as split, null::float[8] as chosen_embedding, null::float[8] as rejected_embedding,
           null::bigint as chosen_chars, null::bigint as rejected_chars
    where false;

create or replace temp macro _rm_all_pairs(snapshot) as table from rm_pairs(snapshot);

create or replace temp macro _rm_all_rows(snapshot) as table from rm_rows(snapshot);

create or replace temp macro _rm_prompt_vectors(snapshot) as table
    select null::uuid as prompt_id, null::float[8] as embedding where false;

create or replace temp macro rm_rewards(head, snapshot) as table
    select null::uuid as prompt_id, null::uuid as group_id, null::uuid as response_id, null::varchar as dataset,
           null::varchar as subset, null::varchar as split, null::varchar as policy, null::bigint as n_chars,
           null::integer as n_tokens, null::float as reward, null::float[] as members, null::boolean as seen_in_training
    where false;

create or replace temp macro rm_steps(snapshot, source := null) as table
    select null::uuid as prompt_id, null::uuid as group_id, null::uuid as response_id, null::varchar as dataset,
           null::varchar as subset, null::varchar as split, null::uuid as step_id, null::integer as step,
           null::bigint as n_steps, null::varchar as text, null::double as label,
           null::map(varchar, double) as labels, null::float[8] as embedding
    where false;

create or replace temp macro _rm_all_steps(snapshot, source := null) as table from rm_steps(snapshot, source := source);

create or replace temp macro rm_step_rewards(head, snapshot, source := null) as table
    select null::uuid as prompt_id, null::uuid as group_id, null::uuid as response_id, null::varchar as dataset,
           null::varchar as subset, null::varchar as split, null::uuid as step_id, null::integer as step,
           null::bigint as n_steps, null::varchar as text, null::double as label,
           null::map(varchar, double) as labels, null::float as reward, null::double as prob,
           null::boolean as seen_in_training
    where false;

create or replace temp macro rm_score(head, input) as null::float;

create or replace temp macro rm_step_prob(head, input) as null::double;

create or replace temp macro rm_score_members(head, input) as null::float[];

create or replace temp macro rm_win_prob(head, a, b) as null::double;

create or replace temp macro rm_embed
    (encoder, text) as null::float[],
    (encoder, prompt, response) as null::float[];

create or replace temp macro _rm_rewards_of_all(snapshot, versions) as table
    select null::uuid as response_id, null::integer as head_id, null::float as reward where false;

create or replace temp macro _rm_judgements(snapshot, heads) as table
    select null::varchar as rater, null::uuid as response_id, null::double as logit, null::boolean as is_seen
    where false;

create or replace temp macro rm_reward_votes(head, snapshot) as table
    select votes.*, null::boolean as seen_in_training from _rm_all_votes() as votes where false;

create or replace temp macro _rm_cast(head, snapshot, annotator, source) as table from rm_reward_votes(head, snapshot);
