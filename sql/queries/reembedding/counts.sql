-- The members, and how many of their steps have a vector of the old encoder.
select (select count(*) from _rm_members) as n_members,
       (select count(*)
        from rm.main.renderings as renderings
        join rm.main.steps as steps on steps.step_id = renderings.item_id
        semi join _rm_members as members on members.response_id = steps.response_id
        where renderings.encoder_id = $encoder_id and renderings.part = 'step') as n_steps;
