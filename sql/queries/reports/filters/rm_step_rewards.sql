-- For this cursor: the rewards of reasoning steps whose rows fit the operator's condition.
create or replace temp macro {macro}(head, snapshot, source := null) as table
    select found.* from {beneath}(head, snapshot, source := source) as found where (
{where}
);
