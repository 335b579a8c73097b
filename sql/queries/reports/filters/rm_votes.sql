-- For this cursor: the votes of every data set that fit the operator's condition.
create or replace temp macro {macro}() as table
    select found.* from {beneath}() as found where (
{where}
);
