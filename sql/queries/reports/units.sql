-- Takes the place of a report's final SELECT: its units by cell and group, as the header's compare line names them.
select {keys}group_id, {n} as n, {total} as total
from {units}
