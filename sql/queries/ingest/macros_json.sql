-- What rows written as JSON say, for the adapters. Temporary: they live as long as the connection that ingests.

create or replace temp macro _rm_pointer(name) as '/' || replace(replace(name, '~', '~0'), '/', '~1');

-- What an object says under each of some names.
create or replace temp macro _rm_said(object, names) as
    list_transform(names, lambda name: {'name': name, 'said': object ->> _rm_pointer(name)});

-- The first of several names that an object has, other than as null.
create or replace temp macro _rm_first(object, names) as
    names[list_position(list_transform(json_type(object, list_transform(names, lambda name: '/' || name)),
                                       lambda kind: coalesce(kind, 'NULL') <> 'NULL'), true)];

-- An object without some of its keys.
create or replace temp macro _rm_without(object, names) as
    json_merge_patch(object, to_json(map(list_distinct(names), list_transform(list_distinct(names), lambda name: null::json))));

create or replace temp macro _rm_is_number(object, name) as
    coalesce(json_type(object, _rm_pointer(name)) in ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE'), false);

-- An object under a key; csv holds it as text.
create or replace temp macro _rm_object(object, name) as
    case json_type(object, _rm_pointer(name))
        when 'OBJECT' then object -> _rm_pointer(name)
        when 'VARCHAR' then try_cast(object ->> _rm_pointer(name) as json)
    end;
