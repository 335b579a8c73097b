-- {title}
-- A reward head as plain SQL, by rmstore {version}. Any DuckDB runs it; no Python is needed.
--
--   {example}
--
-- head:        {head}
-- fingerprint: {fingerprint}
-- encoder:     {encoder}
-- layout:      {layout}
-- snapshot:    {snapshot}
--
-- The reward is that of rm_score: the mean of the members less their mean on the training items. It means something for
-- vectors of this encoder and layout alone, which nothing here can check.
create or replace macro {name}({arguments}) as (
    {reward}
)::float;
comment on macro {name} is {comment};
