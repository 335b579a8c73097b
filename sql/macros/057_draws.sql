-- Numbers that look drawn at random and are the same everywhere: the first bits of the MD5 of a text.
create or replace macro _rm_draw(text) as md5_number_lower(text);

-- Uniform on [0, 1).
create or replace macro _rm_uniform(text) as (md5_number_lower(text) >> 11)::double / 9007199254740992e0;
