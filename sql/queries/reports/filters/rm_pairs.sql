-- For this cursor: the votes that fit the operator's condition.
create or replace temp macro {macro}(snapshot) as table
    select found.* from {beneath}(snapshot) as found where (
{where}
);
