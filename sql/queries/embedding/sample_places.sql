select stratum, n_texts from _rm_sample where part = $part order by stratum, draw;
