-- What people and judges voted: no head is there that could have seen the prompts.
select votes.*, false as seen_in_training from rm_votes() as votes
