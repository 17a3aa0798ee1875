-- Events whose text changes when it is masked, masked as the tables show it (publish/sql/voice/fresh.sql), but not cut.
-- In: rows, a relation of lake rows. Out: whole rows.
with
telling as (
    select
        *,
        list_concat(
            list_transform([{texts}], lambda text: mask(text)),
            list_transform([{json_texts}], lambda document: mask_json(document))
        ) as texts
    from {rows} as lake
    where coalesce(may_tell(concat_ws(chr(10), {texts}, {json_texts})) or contains(content, '\u') or {too_long}, false)
)

select * exclude (texts) replace ({masked})
from telling
