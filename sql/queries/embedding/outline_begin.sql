create or replace temp table _rm_outline (part varchar, item_id uuid, text_id uuid, size bigint);
