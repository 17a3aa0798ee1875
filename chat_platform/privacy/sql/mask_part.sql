-- Rows of one file of the lake that change when their text is masked. In: once, a query of those rows, masked; twice, the
-- same masked again. What the second masking would change stays as it was: tables that are made anew from it have to come
-- out as they stand, and they are masked on the way.
-- Out: stable, whole rows with file_row_number.
create or replace temp table once as {once};

create or replace temp table stable as
select *
from once
where
    file_row_number not in (
        select file_row_number
        from (
            select * from ({twice})
            except all
            select * from once
        ) as other
    );
