-- All rows that will stand: of one item, model version and annotator the later one. A row that says what stands
-- already is no news, so that a file can be imported again. $1: date of what names none.
create temp table merged as
with
everything as (
    select
        0 as arrival,
        *
    from stood
    union all by name
    select
        1 as arrival,
        *
    from brought
),

compared as (
    select
        *,
        lag(judged) over (partition by item, model_version, annotator order by arrival) as judged_before,
        lag(measured_date) over (partition by item, model_version, annotator order by arrival) as date_before
    from everything
),

news as (
    select
        *,
        (judged is distinct from judged_before) or coalesce(measured_date <> date_before, false) as is_news
    from compared
)

select * replace (coalesce(measured_date, $1) as measured_date)
from news
qualify row_number() over (partition by item, model_version, annotator order by is_news desc, arrival desc) = 1
