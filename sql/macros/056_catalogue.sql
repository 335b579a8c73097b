-- What is there: the version of rmstore, its built-in reports as their headers state them, and the options of training.
create or replace macro rm_version() as _rm_version(0);
comment on macro rm_version is 'version of rmstore';

create or replace macro rm_reports() as table
    with reports as (select unnest(_rm_reports(0)) as report)
    select report.name, report.title, report.grain, report.engines, report.params, report.columns
    from reports
    order by report.name;
comment on macro table rm_reports is 'built-in reports: title, grain, engines, parameters, columns';

create or replace macro rm_options() as table
    with options as (select unnest(_rm_options(0)) as "option")
    select "option"."of", "option".name, "option"."default", "option".takes, "option".about
    from options
    order by "option"."of", "option".name;
comment on macro table rm_options is 'what options of rm_train take: by kind of head, by objective, for all of them';
