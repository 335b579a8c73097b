
-- Rewards of the members, each standardised on the training items, as rm_score_members gives them.
create or replace macro {name}({arguments}) as [
    {members}
]::float[];
comment on macro {name} is {comment};
