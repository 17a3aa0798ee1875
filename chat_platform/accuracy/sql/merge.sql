-- All rows that will stand: of one item, model version and annotator the later one. A row that says what stands
-- already is no news, so that a file can be imported again. $1: date of what names none.
create or replace temp table merged as
with
everything as (
    select
        0 as arrival,
        *
    from {table}
    union all by name
    select
        1 as arrival,
        *
    from incoming
),

compared as (
    select
        *,
        row({content}) is distinct from lag(row({content})) over same
        or coalesce(measured_date <> lag(measured_date) over same, false) as is_news
    from everything
    window same as (partition by {item}, model_version, annotator order by arrival)
)

select
    * exclude (arrival, is_news, measured_date),
    coalesce(measured_date, $1) as measured_date
from compared
qualify row_number() over (partition by {item}, model_version, annotator order by is_news desc, arrival desc) = 1
