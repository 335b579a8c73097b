-- Votes, pairs and how far repeated votes on one pair disagree. disagreement is the chance that two votes drawn from
-- one pair differ, averaged over pairs with at least two votes that decide. Votes that err independently with
-- probability q disagree with 2 q (1 - q), which gives label_noise = q.
with votes as (
    select least(chosen_id, rejected_id) as first_id, greatest(chosen_id, rejected_id) as second_id,
           chosen_id < rejected_id as is_first, prob > 0.5e0 as is_decided, prob < 1 as is_soft, is_cross, is_longer
    from _rm_head_votes($head_id)
),
pairs as (
    select first_id, second_id, count(*) as n, count_if(is_decided) as n_decided,
           count_if(is_decided and is_first) as n_first
    from votes
    group by first_id, second_id
),
repeated as (
    select avg(2e0 * n_first * (n_decided - n_first) / (n_decided * (n_decided - 1))) as disagreement, count(*) as n
    from pairs
    where n_decided > 1
),
counts as (
    select count(*) as votes, count_if(not is_decided) as ties, count_if(is_decided and is_soft) as soft_votes,
           count_if(is_cross) as votes_across_prompts,
           avg(is_longer::double) filter (is_decided) as share_longer_chosen
    from votes
)
select counts.votes, (select count(*) from pairs) as pairs, counts.ties, counts.soft_votes, counts.votes_across_prompts,
       (select max(n) from pairs) as most_votes_on_a_pair, repeated.n as pairs_voted_on_again, repeated.disagreement,
       case when repeated.n > 0 then (1 - sqrt(greatest(0e0, 1 - 2 * repeated.disagreement))) / 2 end as label_noise,
       counts.share_longer_chosen
from counts
cross join repeated
where counts.votes > 0
