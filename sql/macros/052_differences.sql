-- 95 % intervals of paired differences: mean and variance are those of 051_intervals.sql over what each group gains.
-- Where nothing varies there is none (NULL): groups that all differ alike say nothing of how much they could differ.

-- Standard errors that a mean lies from 0; NULL where nothing varies.
create or replace macro _rm_z(mean, variance) as case when variance > 0 then mean / sqrt(variance) end;

-- A difference of any numbers (margins, gold): t standard errors to either side.
create or replace macro _rm_paired_interval(mean, variance, n_groups) as
    case when variance > 0 then {
        'low': mean - _rm_t975(n_groups - 1) * sqrt(variance),
        'high': mean + _rm_t975(n_groups - 1) * sqrt(variance)
    } end;

-- A difference of shares, which lies in [-1, 1]: Wilson's interval of (1 + mean) / 2, a number in [0, 1], for as many
-- units as would be as uncertain, carried back. In simulations of 5 to 30 groups it held the truth in 94 to 97 of 100
-- samples where t errors held it in 90 to 95, and was no wider but at the ends (tests/reports/test_intervals.py).
create or replace macro _rm_paired_share_interval(mean, variance, n_groups) as
    case when variance > 0 then {
        'low': 2 * _rm_wilson((1 + mean) / 2, (1 - mean**2) / variance, _rm_t975(n_groups - 1)).low - 1,
        'high': 2 * _rm_wilson((1 + mean) / 2, (1 - mean**2) / variance, _rm_t975(n_groups - 1)).high - 1
    } end;
