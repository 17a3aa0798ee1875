-- The lines of the lake that come to stand, their texts masked and cut to what a column holds. In: incoming.
-- Out: fresh, one row an event. Most events hold no text that has to change: one look at all of their texts together
-- tells, for it finds whatever it finds in one of them. The texts of the others pass in one list: a statement takes
-- longer to plan with each text that is masked by itself, for a macro repeats what it is given. An escaped character in
-- the content of a custom event may be any.
create or replace temp table fresh as
with
looked_at as (
    select
        lake.* replace (
            published_key(lake.phone_key) as phone_key,
            case when lake.phone_key is not null then published_key_version() end as key_version
        ),
        coalesce(
            may_tell(concat_ws(chr(10), {texts}, {json_texts})) or contains(content, '\u') or {too_long}, false
        ) as changes
    from incoming as lake
),

masked as (
    select
        *,
        case
            when changes
                then list_concat(
                    list_transform([{texts}], lambda text: mask(text)),
                    list_transform([{json_texts}], lambda document: mask_json(document))
                )
        end as texts
    from looked_at
)

select
    * exclude (changes, texts) replace ({published}),
    changes and strlen(list_last(texts)) > 65535 as content_truncated
from masked
