-- What a head says of a snapshot, one row per response (rm_rewards has one per generation). is_seen: the head saw its
-- group in training, NULL where that is not known.
create or replace macro _rm_response_rewards(head, snapshot) as table
    select "rows".response_id, any_value("rows".prompt_id) as prompt_id, any_value("rows".reward)::double as reward,
           any_value("rows".n_chars) as n_chars, bool_or("rows".seen_in_training) as is_seen
    from rm_rewards(head, snapshot) as "rows"
    group by "rows".response_id;
