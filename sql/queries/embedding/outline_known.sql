-- How many texts of the outline have a vector already.
select count(distinct text_id) as n
from _rm_outline
semi join (
    select text_id from rm.main.{vectors} where encoder_id = $encoder_id
) as present using (text_id);
