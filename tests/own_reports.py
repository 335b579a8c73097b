"""Reports of a user for tests: shares by data set that can be compared and filtered, and a store to run them on."""

from lab import fill, save_head

from rmstore import snapshots

ROWS = [
    {"prompt": f"p{i}", "text": text, "reward": reward, "gold": reward, "dataset": "de"[i % 2]}
    for i in range(8)
    for text, reward in (("good", 1.0 if i < 6 else -1.0), ("bad", 0.0))
]
VOTES = [(2 * i, 2 * i + 1, 1.0, ("easy", "hard")[i >= 6]) for i in range(8)]
HITS = """\
-- report:  hits
-- title:   How often the chosen response has the higher reward
-- grain:   one row per data set; 'all' marks the total
-- engines: duckdb
-- folds:   yes
-- params:  head HEAD, snapshot SNAPSHOT, split VARCHAR = 'all', subset VARCHAR = NULL, least INTEGER = 0
-- columns: dataset VARCHAR, n_pairs BIGINT, accuracy DOUBLE, n_policy BIGINT, is_short BOOLEAN
-- compare: accuracy = hits / n in groups by dataset
-- filter:  rm_pairs
with rewards as (  -- select ( in a comment
    select response_id, any_value(reward) as reward, bool_or(seen_in_training) as is_seen
    from rm_rewards($head, $snapshot)
    group by response_id
),
pairs as (
    select votes.dataset, votes.group_id,
           case when coalesce(chosen.is_seen or rejected.is_seen, false) then 0 else 1 end as n,
           0.5e0 + 0.5e0 * sign(chosen.reward - rejected.reward) as hit, 'select (' as "select union"
    from rm_pairs($snapshot) as votes
    join rewards as chosen on chosen.response_id = votes.chosen_id
    join rewards as rejected on rejected.response_id = votes.rejected_id
    where $split in (votes.split, 'all') and ($subset is null or votes.subset = $subset)
),
groups as (
    select coalesce(dataset, 'all') as dataset, group_id, sum(n)::bigint as n, sum(n * hit) as hits
    from pairs
    group by grouping sets ((dataset, group_id), (group_id))
)
select dataset, sum(n)::bigint as n_pairs, _rm_mean(n, hits) as accuracy,
       (select count(*) from _rm_policy_guess($snapshot)) as n_policy, sum(n) < $least as is_short
from groups
group by dataset
order by dataset = 'all', dataset
"""


def write(folder, text=HITS, name="hits"):
    """Write a report to a folder under a name and return the folder."""
    folder.mkdir(exist_ok=True)
    text = text.replace("-- report:  hits", f"-- report:  {name}")
    (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    return folder


def changed(*replacements, text=HITS):
    """Return the report with pieces of its text replaced, each of which must be there."""
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


def fill_eight(store):
    """Fill a store with eight votes over two data sets: the head h is right on six, flat says nothing."""
    fill(store, ROWS, VOTES)
    save_head(store, snapshots.resolve(store, "s"), (), name="flat", weights=((0.0,),))
    return store
