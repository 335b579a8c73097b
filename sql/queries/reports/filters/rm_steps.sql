-- For this cursor: the reasoning steps that fit the operator's condition.
create or replace temp macro {macro}(snapshot, source := null) as table
    select found.* from {beneath}(snapshot, source := source) as found where (
{where}
);
