select count(*) as n, min(cosine) as "min",
       quantile_cont(cosine, 0.01) as p1, quantile_cont(cosine, 0.05) as p5, quantile_cont(cosine, 0.25) as p25,
       quantile_cont(cosine, 0.5) as p50, quantile_cont(cosine, 0.75) as p75, quantile_cont(cosine, 0.95) as p95
from _rm_moved;
