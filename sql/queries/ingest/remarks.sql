-- What adapters say of good rows, with how often.
select remark, count(*) as n
from (select unnest(remarks) as remark from _rm_records where problem is null)
group by remark
order by remark
