create or replace temp table _rm_moved (cosine double);
