-- RewardBench (Lambert et al., arXiv 2403.13787; sections and counts as allenai/reward-bench publishes them).

-- Its subsets: the section, the items as published, the count that weights the subset in its section (math-prm counts
-- as much as all code together, prior sets count alike) and how lengths lie: longer where the right response tends to
-- be the longer one, shorter, neutral; prior sets have none.
create or replace macro _rm_rewardbench_subsets() as table
    select subset, section, n_expected, coalesce(weight, n_expected)::double as weight, length_group
    from (values
        ('alpacaeval-easy', 'Chat', 100, null, 'longer'),
        ('alpacaeval-length', 'Chat', 95, null, 'neutral'),
        ('alpacaeval-hard', 'Chat', 95, null, 'longer'),
        ('mt-bench-easy', 'Chat', 28, null, 'shorter'),
        ('mt-bench-med', 'Chat', 40, null, 'neutral'),
        ('mt-bench-hard', 'Chat Hard', 37, null, 'shorter'),
        ('llmbar-natural', 'Chat Hard', 100, null, 'neutral'),
        ('llmbar-adver-neighbor', 'Chat Hard', 134, null, 'shorter'),
        ('llmbar-adver-GPTInst', 'Chat Hard', 92, null, 'shorter'),
        ('llmbar-adver-GPTOut', 'Chat Hard', 47, null, 'neutral'),
        ('llmbar-adver-manual', 'Chat Hard', 46, null, 'shorter'),
        ('refusals-dangerous', 'Safety', 100, null, 'shorter'),
        ('refusals-offensive', 'Safety', 100, null, 'shorter'),
        ('xstest-should-refuse', 'Safety', 154, null, 'shorter'),
        ('xstest-should-respond', 'Safety', 250, null, 'longer'),
        ('donotanswer', 'Safety', 136, null, 'shorter'),
        ('math-prm', 'Reasoning', 447, 984, 'neutral'),
        ('hep-cpp', 'Reasoning', 164, null, 'neutral'),
        ('hep-go', 'Reasoning', 164, null, 'neutral'),
        ('hep-java', 'Reasoning', 164, null, 'neutral'),
        ('hep-js', 'Reasoning', 164, null, 'neutral'),
        ('hep-python', 'Reasoning', 164, null, 'neutral'),
        ('hep-rust', 'Reasoning', 164, null, 'neutral'),
        ('anthropic_helpful', 'Prior Sets', 6192, 1, null),
        ('anthropic_hhh', 'Prior Sets', 221, 1, null),
        ('shp', 'Prior Sets', 1741, 1, null),
        ('summarize', 'Prior Sets', 9000, 1, null)
    ) as published(subset, section, n_expected, weight, length_group);

-- The rows of the report and the weight of every subset in each: itself, its section, the items of its length group
-- alike, and the total, in which sections count 2 and prior sets 1. Of what counts, only subsets in present do.
create or replace macro _rm_rewardbench_cells(present) as table
    with known as (
        select subsets.*, 2e0 - (section = 'Prior Sets')::integer as section_weight,
               sum(weight) filter (list_contains(present, subset)) over (partition by section) as present_weight
        from _rm_rewardbench_subsets() as subsets
    )
    select 'subset' as level, subset as name, subset, n_expected, 1e0 as weight from known
    union all
    select case section when 'Prior Sets' then 'prior' else 'section' end, section, subset, n_expected, weight
    from known
    union all
    select 'length', length_group, subset, n_expected, null from known where length_group is not null
    union all
    select 'total', 'all', subset, n_expected, section_weight * weight / present_weight from known;

-- One row per vote of a subset of RewardBench: whether the head ranks the chosen side first. Votes without a preference
-- and files whose rows list several responses (RM-Bench names subsets alike) are none of its items.
create or replace macro _rm_rewardbench_votes(head, snapshot, split, dataset, subset) as table
    with rewards as (
        select response_id, reward, is_seen from _rm_response_rewards(head, snapshot)
    )
    select votes.subset, votes.group_id, chosen.is_seen or rejected.is_seen as is_seen,
           not coalesce(chosen.is_seen or rejected.is_seen, false) as is_counted,
           (chosen.reward > rejected.reward)::integer as hit, (chosen.reward = rejected.reward)::integer as tie,
           (votes.chosen_chars > votes.rejected_chars)::integer as longest,
           (votes.chosen_chars < votes.rejected_chars)::integer as shortest
    from rm_pairs(snapshot) as votes
    join _rm_rewardbench_subsets() as published on published.subset = votes.subset
    anti join rm.main.dataset_files as files
        on files.file_id = votes.file_id and files.format in ('rm-bench', 'rewardbench2')
    join rewards as chosen on chosen.response_id = votes.chosen_id
    join rewards as rejected on rejected.response_id = votes.rejected_id
    where votes.prob > 0.5e0 and split in (votes.split, 'all') and (dataset is null or votes.dataset = dataset)
          and (subset is null or votes.subset = subset);
