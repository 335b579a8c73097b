-- What the report margins counts in, and the correlations that it shows.

-- The rows of a report by data set, subset and split: which of the three a row keeps; 'all' stands for the others.
create or replace macro _rm_report_cells() as table
    select by_dataset, by_subset, by_split
    from (values
        (true, true, true), (true, false, true), (true, false, false), (false, false, true), (false, false, false)
    ) as cells(by_dataset, by_subset, by_split);

-- Fisher's 95 % interval of a correlation r over n rows, for as many units as they have groups:
-- tanh(atanh(r) +- 1.96 / sqrt(groups - 3)). NULL for three groups or fewer, or where r is 1 or -1 to rounding.
create or replace macro _rm_fisher_interval(n, n_groups, r) as {
    'n': n,
    'r': r,
    'low': case when n_groups > 3 and abs(r) < 1 - 1e-12 then tanh(atanh(r) - 1.9599639845e0 / sqrt(n_groups - 3)) end,
    'high': case when n_groups > 3 and abs(r) < 1 - 1e-12 then tanh(atanh(r) + 1.9599639845e0 / sqrt(n_groups - 3)) end
};

-- Pearson's correlation of two numbers over the rows that have both; NULL where one of them does not vary.
create or replace macro _rm_correlation(a, b, group_id) as
    _rm_fisher_interval(
        count(a + b), count(distinct group_id) filter (a + b is not null),
        case when min(a) filter (a + b is not null) < max(a) filter (a + b is not null)
                  and min(b) filter (a + b is not null) < max(b) filter (a + b is not null)
             then greatest(-1e0, least(1e0, corr(a, b))) end);
