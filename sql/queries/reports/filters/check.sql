-- Described, not run, over the stand-ins of stubs.sql: whether a condition fits the columns of a table function.
describe select found.* from {table}({arguments}) as found where (
{where}
)
