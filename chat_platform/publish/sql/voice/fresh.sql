-- The lines of the lake that come to stand, their texts masked. In: incoming.
-- Out: fresh, one row an event. All texts pass in one list: a statement takes longer to plan with each text that is
-- masked by itself, for a macro repeats what it is given.
create or replace temp table fresh as
with
gathered as (
    select
        lake.* exclude (
            event_type, through, robot_version, reason, dialog_type, script_point, intent, top_intent, last_solution,
            api_name, scale, captured_text, cleansed_text, agent_text, command, previous_solutions, uri, content
        ) replace (
            published_key(lake.phone_key) as phone_key,
            case when lake.phone_key is not null then published_key_version() end as key_version
        ),
        [
            lake.event_type, lake.through, lake.robot_version, lake.reason, lake.dialog_type, lake.script_point, lake.intent,
            lake.top_intent, lake.last_solution, lake.api_name, lake.scale, lake.captured_text, lake.cleansed_text,
            lake.agent_text, lake.command, lake.previous_solutions, lake.uri, lake.content
        ] as texts
    from incoming as lake
),

masked as (
    select
        * exclude (texts),
        list_transform(texts, lambda text: mask(text)) as texts
    from gathered
)

select
    * exclude (texts),
    cut(texts[1], 256) as event_type,
    cut(texts[2], 256) as through,
    cut(texts[3], 256) as robot_version,
    cut(texts[4], 256) as reason,
    cut(texts[5], 256) as dialog_type,
    cut(texts[6], 256) as script_point,
    cut(texts[7], 256) as intent,
    cut(texts[8], 256) as top_intent,
    cut(texts[9], 256) as last_solution,
    cut(texts[10], 256) as api_name,
    cut(texts[11], 64) as scale,
    cut(texts[12], 65535) as captured_text,
    cut(texts[13], 65535) as cleansed_text,
    cut(texts[14], 65535) as agent_text,
    cut(texts[15], 65535) as command,
    cut(texts[16], 65535) as previous_solutions,
    cut(texts[17], 65535) as uri,
    cut(texts[18], 65535) as content,
    strlen(texts[18]) > 65535 as content_truncated
from masked
