-- Best-of-n in closed form. Of the C(size, n) ways to draw n of `size` candidates, C(rank - 1, n - 1) have the one of
-- ascending rank `rank` as their best (the unbiased estimator in the code of arXiv 2310.02743). One row per size and n of
-- 1 .. size, with those shares by rank. Reports take rmstore/best_of_n.py, which has the same shares by recursion, exact
-- to 1e-14, and multiplies them with all prompts of a size at once; these, from logarithms, are within 2e-12 at size
-- 500 and run with no Python at all.
create or replace macro _rm_bon_weights(sizes) as table
    select size, n,
           list_transform(range(1, size + 1), lambda rank: case
               when rank >= n then n / rank * exp(
                   lgamma(rank + 1) - lgamma(rank - n + 1) - lgamma(size + 1) + lgamma(size - n + 1))
               else 0e0
           end) as weights
    from (select unnest(sizes) as size), lateral (select unnest(range(1, size + 1)) as n);

-- KL divergence in nats of the best of n from the policy that wrote the candidates: ln n - (n - 1) / n.
create or replace macro _rm_bon_kl(n) as ln(n) - (n - 1) / n;

-- Whether candidates, of which this is an aggregate, come from several policies or from unknown ones: then there is no
-- policy to measure that from.
create or replace macro _rm_is_mixed(policy) as count(policy) < count(*) or min(policy) <> max(policy);

-- What one pick is worth more than another, both means of golds that are at most size; exactly 0 where that is no more
-- than the rounding of the means, as where both picks are the same responses.
create or replace macro _rm_pick_gap(worth, other, size) as
    case when abs(worth - other) > 1e-12 * size then worth - other else 0e0 end;
