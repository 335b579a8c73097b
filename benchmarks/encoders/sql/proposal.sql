-- What the figures say about the default: rows that rank better beyond doubt, and rows that are smaller or faster while
-- the interval of their difference rules out a loss of a point.
with judged as (
    select what, gain::double as gain, gain_low::double as gain_low, gain_high::double as gain_high,
           speed::double as speed,
           bytes_per_response / first_value(bytes_per_response) over (order by place) as bytes,
           texts_per_response / first_value(texts_per_response) over (order by place) as texts, place
    from read_csv($results)
)
select case
           when gain_low > 0 then 'better'
           when gain_high < 0 then 'worse'
           when gain_low > -0.01 and (bytes <= 0.75 or speed / texts >= 1.25) then 'as good and cheaper'
           else 'not told apart'
       end as verdict,
       string_agg(what || printf(' (%+.1f points, %.2f of the bytes, %.2f times as fast)', 100 * gain, bytes,
                                 speed / texts), '; ' order by place) as rows_of_the_table
from judged
where place > 0
group by verdict
order by list_position(['better', 'as good and cheaper', 'not told apart', 'worse'], verdict)
