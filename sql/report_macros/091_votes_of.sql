-- Votes chosen by what they are, for reports that need no snapshot.

-- The value itself, if it is NULL or one of those there are; otherwise an error that names them.
create or replace macro _rm_one_of(kind, wanted, known) as
    case
        when wanted is null or list_contains(known, wanted) then wanted
        else error('no ' || kind || ' is called ''' || wanted || ''': there are '
            || coalesce(nullif(array_to_string(list_sort(known), ', '), ''), 'none'))
    end;

create or replace macro _rm_policy_name(wanted) as (
    select _rm_one_of('policy', wanted, coalesce(list(distinct generations.policy), []))
    from rm.main.generations as generations
    where generations.policy is not null
);

-- rm_votes, or with a head rm_reward_votes; then annotator and source, which choose votes, must be NULL.
create or replace macro _rm_cast(head, snapshot, annotator, source) as table
    from query(_rm_cast_sql(head, snapshot, annotator, source));

-- The votes of a report that chooses them by what they are; NULL takes everything, split 'all' too. With a head it votes,
-- and the subsets are those of the snapshot, checked with the report's parameters.
create or replace macro _rm_votes_of(dataset, subset, split, annotator, source, head := null, snapshot := null) as table
    with known as (
        select coalesce(list(distinct preferences.subset) filter (preferences.subset is not null), []) as subsets,
               coalesce(list(distinct preferences.annotator) filter (preferences.annotator is not null), []) as annotators,
               coalesce(list(distinct preferences.source), []) as sources
        from rm.main.preferences as preferences
    )
    select votes.*
    from _rm_cast(head, snapshot, annotator, source) as votes
    cross join known
    where split in (votes.split, 'all')
        and (dataset is null or votes.dataset = dataset)
        and (if(head is null, _rm_one_of('subset', subset, known.subsets), subset) is null or votes.subset = subset)
        and (_rm_one_of('annotator', annotator, known.annotators) is null or votes.annotator = annotator)
        and (_rm_one_of('source of votes', source, known.sources) is null or votes.source = source);
