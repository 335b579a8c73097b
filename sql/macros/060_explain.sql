-- Why an input has its reward: a struct of
--   reward  what rm_score gives
--   parts   of a linear head what each field of the input and the constant contribute; their sum is the reward
--   pairs   up to k training pairs each way that the input resembles most: 'up' where it is nearer to the chosen
--           response, 'down' where it is nearer to the rejected one; similarity is the cosine to the nearer side, pull
--           the cosine to the chosen side less that to the rejected one
--   note    what was searched, or why nothing could be
-- The pairs are the votes with a preference between members of the head's snapshot, in groups that the head saw in
-- training or validation; what the training query filtered out within such a group is searched too. Resemblance is no
-- cause: the pairs show what the head has seen near the input, not how much of the reward they brought about.
create or replace macro rm_explain(head, input, k := 5) as _rm_explain(_rm_head_id(head), input, k);
comment on macro rm_explain is
    'why an input has its reward: contributions of a linear head''s fields, nearest training pairs that pull it up or down';
