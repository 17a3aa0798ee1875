-- Lines of one chunk, typed: one row a line, which is one event, with the verdict on it (voice spec, section 1).
-- In: lines(row_number, line, file_number, line_number, byte_offset). Out: typed; reason is null for a good event.
-- `findings` holds what was accepted and is not as it should be: code|field|detail, with chr(31) for | and chr(30)
-- between two of them. `phone` holds the national digits: it stays in memory. `suspect` as in type_chat.sql.
create or replace temp table typed as
with
read as (
    select
        row_number,
        file_number,
        line_number,
        byte_offset,
        line as raw_line,
        json_valid(line) as was_valid
    from lines
),

repaired as (
    -- The known defect of the samples in the source document: no comma after id, version or command (rule 1).
    select
        *,
        case
            when not was_valid and getvariable('repair_missing_commas')
                then regexp_replace(
                    raw_line,
                    '("(?:id|command)"\s*:\s*"(?:[^"\\]|\\.)*"|"version"\s*:\s*[0-9]+)(\s+")', '\1,\2', 'g'
                )
        end as mended_line
    from read
),

chosen as (
    select
        * exclude (raw_line, mended_line, was_valid),
        coalesce(json_valid(mended_line), false) as repaired,
        was_valid or coalesce(json_valid(mended_line), false) as is_valid,
        case when coalesce(json_valid(mended_line), false) then mended_line else raw_line end as chosen_line
    from repaired
),

cleaned as (
    select
        * exclude (chosen_line),
        case when is_valid then without_nul(chosen_line) else chosen_line end as line
    from chosen
),

parsed as (
    select
        *,
        is_suspect(line) as suspect,
        case
            when is_valid
                then json_keys(
                    line, ['$', '$.context', '$.context.customer', '$.context.customer.nlp', '$.context.agent', '$.context.api']
                )
        end as keys,
        case when is_valid then from_json(line, getvariable('voice_structure')) end as message
    from cleaned
),

opened as (
    -- Each value in a column of its own: within a case an object would be taken apart for each of its values.
    select
        * exclude (message),
        message.id as id_leaf,
        message."eventType" as type_leaf,
        message.version as version_leaf,
        message."when" as when_leaf,
        message.through as through_leaf,
        message."correlationId" as call_leaf,
        message."robotVersion" as robot_version_leaf,
        message.context is not null as has_context,
        message.context.customer is not null as has_customer,
        message.context.customer.nlp is not null as has_nlp,
        message.context.customer.nlp."realResponse" is not null as has_response,
        message.context.customer.nlp."realResponse"."topScoringIntent" is not null as has_top,
        message.context.agent is not null as has_agent,
        message.context.agent.solution is not null as has_solution,
        message.context.api is not null as has_api,
        message.context.survey is not null as has_survey,
        message.context.customer.identifiers is not null as has_identifiers,
        message.context.customer.identifiers[1].key as first_key_leaf,
        case
            -- The first one is a phone also where it does not say so.
            when message.context.customer.identifiers[1].key = '"phone"' or message.context.customer.identifiers[1].key is null
                then message.context.customer.identifiers[1].value
            else list_filter(
                message.context.customer.identifiers, lambda item: lower(cast(item.key as varchar)) = '"phone"'
            )[1].value
        end as phone_leaf,
        message.context.customer.nlp."realResponse".intents as intent_leaves,
        message.context.agent.solution."previousSolutions" as previous_leaves,
        {leaves}
    from parsed
),

valued as (
    select
        *,
        json_text(id_leaf) as raw_id,
        json_text(type_leaf) as raw_type,
        json_text(when_leaf) as raw_when,
        json_text(call_leaf) as raw_call,
        json_text(through_leaf) as raw_through,
        json_text(robot_version_leaf) as raw_robot_version,
        json_text(phone_leaf) as raw_phone,
        case when cast(version_leaf as varchar) = '1' then 1 else cast(whole(double_of(version_leaf)) as integer) end as version,
        {values}
    from opened
),

timed as (
    select
        *,
        coalesce(getvariable('aliases')[raw_type], raw_type) as event_type,
        coalesce(getvariable('aliases')[raw_reason], raw_reason) as reason_of_end,
        iso_time(raw_when) as event_timestamp,
        national_digits(coalesce(raw_phone, case when is_number(phone_leaf) then cast(phone_leaf as varchar) end)) as phone,
        -- Of what is no object from_json makes one without values: there its kind has to be looked up.
        case
            when not has_context then null
            when has_customer or has_agent or has_api or has_survey then 'OBJECT'
            else json_type(line, '$.context')
        end as context_kind
    from valued
),

dated as (
    select
        *,
        cast(timezone(getvariable('time_zone'), timezone('UTC', event_timestamp)) as date) as event_date
    from timed
),

judged as (
    select
        *,
        case
            when not is_valid then 'json_parse_error'
            when not starts_with(line, '{') and not regexp_matches(line, '^\s*\{') then 'not_an_object'
            -- Looking through every list takes long: most are those of the first lines.
            when
                not list_contains(getvariable('whole_keys'), hash(keys))
                and list_bool_or(list_transform(keys, lambda names: len(names) > len(list_distinct(names))))
                then 'duplicate_key'
            {refusals}
            when event_timestamp is null then 'invalid_timestamp:when'
            when event_date not between getvariable('first_date') and getvariable('last_date')
                then 'timestamp_out_of_range'
        end as reason
    from dated
)

select
    row_number,
    file_number,
    line_number,
    byte_offset,
    reason,
    suspect,
    event_type not in ({event_types}) as is_custom,
    case when reason is not null or suspect or is_custom then line end as line,
    repaired,
    raw_id,
    raw_call,
    event_type,
    event_timestamp,
    event_date,
    raw_through as through,
    version,
    raw_robot_version as robot_version,
    phone,
    listened_data_usage,
    reason_of_end,
    captured_text,
    cleansed_text,
    agent_text,
    command,
    dialog_type,
    script_point,
    intent,
    intent_score,
    top_intent,
    top_score,
    last_solution,
    case
        when event_type = '{solved}' and previous_leaves is not null
            then cast(to_json(list_transform(previous_leaves, lambda item: json_text(item))) as varchar)
    end as previous_solutions,
    coalesce(nullif(api_name, ''), nullif(api_alias, ''), nullif(outer_api_alias, '')) as api_name,
    uri,
    md5(headers) as headers_hash,
    md5(body) as body_hash,
    http_status,
    elapsed_ms,
    scale,
    electronic_score,
    human_score,
    case when reason is null then {findings} end as findings
from judged
