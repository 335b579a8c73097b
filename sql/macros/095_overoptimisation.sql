-- Over-optimisation curves of Gao, Schulman and Hilton, arXiv 2210.10760: what optimising against a proxy gains in
-- gold, over the distance d = sqrt(KL) in nats from the policy that it started from. bon: R(d) = d (a - b d), with its
-- peak at a / (2 b); rl: R(d) = d (a - b ln d), with its peak at exp(a / b - 1).

-- The second regressor: R is linear in a and b.
create or replace macro _rm_overoptimisation_bend(distance, form) as
    case form
        when 'bon' then -(distance**2)
        when 'rl' then case when distance > 0 then -distance * ln(distance) else 0e0 end
        else error('form is ' || coalesce(form::varchar, 'NULL') || ': bon (best-of-n) or rl (reinforcement learning)')
    end;

-- Determinant of the normal equations; NULL where fewer than two distances above 0 are given.
create or replace macro _rm_plane_determinant(u, v) as
    case when sum(u * u) * sum(v * v) - sum(u * v)**2 > 1e-12 * sum(u * u) * sum(v * v)
        then sum(u * u) * sum(v * v) - sum(u * v)**2 end;

create or replace macro _rm_plane_fit(u, v, y) as {
    'a': (sum(v * v) * sum(u * y) - sum(u * v) * sum(v * y)) / _rm_plane_determinant(u, v),
    'b': (sum(u * u) * sum(v * y) - sum(u * v) * sum(u * y)) / _rm_plane_determinant(u, v)
};

create or replace macro rm_overoptimisation_fit(distance, gain, form := 'bon') as
    _rm_plane_fit(distance::double, _rm_overoptimisation_bend(distance::double, form), gain::double);
comment on macro rm_overoptimisation_fit is
    'least-squares a and b of gain = d (a - b d), or d (a - b ln d) for form rl, d = sqrt(KL); an aggregate';

-- The distance of most gold; NULL where the curve has no peak.
create or replace macro rm_overoptimisation_peak(a, b, form := 'bon') as
    case form
        when 'bon' then case when a > 0 and b > 0 then a::double / (2 * b) end
        when 'rl' then case when b > 0 then exp(a::double / b - 1) end
        else error('form is ' || coalesce(form::varchar, 'NULL') || ': bon (best-of-n) or rl (reinforcement learning)')
    end;
comment on macro rm_overoptimisation_peak is
    'distance sqrt(KL) where a fitted curve turns over: a / (2 b), or exp(a / b - 1) for form rl; NULL without a peak';

-- The n, a fraction in general, whose best-of-n is kl nats away: ln n - (n - 1) / n = kl by Newton's method in ln n.
create or replace macro _rm_bon_n(kl) as
    exp(list_reduce(range(60)::double[], lambda x, step:
        x - (x - 1 + exp(-x) - kl) / greatest(1 - exp(-x), 1e-12), kl::double + 1));

-- Numbers of candidates spread evenly on a logarithmic scale, at most 25, from 1 to the last.
create or replace macro _rm_bon_grid(last_n) as
    list_distinct(list_transform(range(25), lambda step: round(exp(ln(last_n) * step / 24))::bigint));
