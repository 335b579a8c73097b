-- Takes the place of a report's final SELECT: its units by cell and group, as the header's compare line names them.
select {keys}group_id, {n} as unit_n, {total} as unit_total
from {units}
