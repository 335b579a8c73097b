-- What leaves the machine names files, not the folders of somebody's disk; addresses such as hf://owner/name stay.
create or replace macro _rm_file_names(sources) as (
    array_to_string(
        [case when source like '%://%' then source else regexp_extract(source, '[^/\\]*$') end
         for source in string_split(sources, ', ')],
        ', ')
);
comment on macro _rm_file_names is 'paths, joined by commas, without their folders; addresses stay as they are';
