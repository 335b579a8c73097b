-- Described, not run: whether a condition fits the columns of a query, and, last, of what type it is.
describe select found.*, (
{where}
) as condition from ({source}) as found where (
{where}
)
