-- Best-of-n in closed form. Of the C(size, n) ways to draw n of `size` candidates, C(rank - 1, n - 1) have the one of
-- ascending rank `rank` as their best. One row per size and n of 1 .. size, with those shares by rank.
-- The logarithms cost 2e-12 of relative accuracy at size 500; the recursion w(i) = w(i + 1) (i - n + 1) / i would be
-- exact to 1e-14, and six times slower where prompts have many different sizes.
create or replace macro _rm_bon_weights(sizes) as table
    select size, n,
           list_transform(range(1, size + 1), lambda rank: case
               when rank >= n then n / rank * exp(
                   lgamma(rank + 1) - lgamma(rank - n + 1) - lgamma(size + 1) + lgamma(size - n + 1))
               else 0e0
           end) as weights
    from (select unnest(sizes) as size), lateral (select unnest(range(1, size + 1)) as n);
