-- What an ensemble's member rewards say together (rm_score_members, rm_rewards): pure SQL over a list.
-- The variance is that of the population (ddof 0), as in the best-of-n code of arXiv 2310.02743.

create or replace macro rm_mean(m) as list_avg(m);
comment on macro rm_mean is 'mean of the members';

create or replace macro rm_wco(m) as list_min(m)::double;
comment on macro rm_wco is 'worst-case optimisation: the lowest member';

create or replace macro rm_uwo(m, penalty := 0.5) as list_avg(m) - penalty::double * list_var_pop(m);
comment on macro rm_uwo is 'uncertainty-weighted optimisation: mean minus penalty times the variance of the members';

create or replace macro rm_lcb(m, k := 1.0) as list_avg(m) - k::double * list_stddev_pop(m);
comment on macro rm_lcb is 'lower confidence bound: mean minus k standard deviations of the members';

create or replace macro rm_spread(m) as list_stddev_pop(m);
comment on macro rm_spread is 'how far the members disagree: their standard deviation';
