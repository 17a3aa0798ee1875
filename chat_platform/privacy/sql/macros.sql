-- What stands in for erased values. The salt is random and kept nowhere, so nothing leads back; equal values stay equal.

-- In the place of a pseudonym or an id.
create or replace temp macro surrogate(id) as
    sha256(getvariable('salt') || id);

-- In the place of a text of which it matters that it is not another one. Letters only: no digits, so nothing to mask.
create or replace temp macro stand_in(text) as
    '[forgotten '
    || translate(substr(sha256(getvariable('salt') || text), 1, 10), '0123456789abcdef', 'ghijklmnopqrstuv') || ']';

-- An id of the row: itself, unless it is a pseudonym of the person or says who they are.
create or replace temp macro other_id(id) as
    case
        when list_contains(getvariable('keys'), id) or regexp_matches(id, getvariable('id_pattern')) then surrogate(id)
        else id
    end;

-- Text of somebody else without the person.
create or replace temp macro unmentioned(text) as
    regexp_replace(text, getvariable('pattern'), getvariable('masked'), 'g');

-- Address without anything but its host, which is that of the masked address as in the tables.
create or replace temp macro host_only(url) as
    coalesce('https://' || host_of(mask(url)) || '/', case when url is not null then '[forgotten]' end);

-- A text of which it only matters that there is one.
create or replace temp macro left_text(text, is_own, mentions) as
    case
        when is_own and text is not null then '[forgotten]'
        when mentions then unmentioned(text)
        else text
    end;
