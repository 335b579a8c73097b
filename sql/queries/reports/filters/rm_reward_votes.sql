-- For this cursor: the votes of a head that fit the operator's condition.
create or replace temp macro {macro}(head, snapshot) as table
    select found.* from {beneath}(head, snapshot) as found where (
{where}
);
