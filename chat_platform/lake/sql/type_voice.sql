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
    -- An escaped NUL cannot be stored anywhere; pairs of backslashes are set aside so that only a true escape goes.
    select
        * exclude (chosen_line),
        case
            when is_valid and contains(chosen_line, chr(92) || 'u0000')
                then
                    replace(
                        replace(replace(chosen_line, chr(92) || chr(92), chr(1)), chr(92) || 'u0000', ''),
                        chr(1),
                        chr(92) || chr(92)
                    )
            else chosen_line
        end as line
    from chosen
),

parsed as (
    select
        *,
        regexp_matches(line, ':\s*-?(?:[nN][aA][nN]|[iI][nN][fF])')
        or regexp_matches(line, '\[\s*-?(?:[nN][aA][nN]|[iI][nN][fF])')
        or regexp_matches(
            line, ',\s*(?:[}\]]|-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)\s*[,}\]])'
        ) as suspect,
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
    select
        *,
        message.context as context,
        message.context.customer as customer,
        message.context.agent as agent,
        message.context.api as api,
        message.context.survey as survey,
        json_text(message.id) as raw_id,
        json_text(message."eventType") as raw_type,
        json_text(message."when") as raw_when,
        json_text(message."correlationId") as raw_call,
        json_text(message.through) as raw_through,
        json_text(message."robotVersion") as raw_robot_version,
        case when cast(message.version as varchar) = '1' then 1 else json_whole(message.version) end as version
    from parsed
),

valued as (
    select
        *,
        case raw_type {aliases} else raw_type end as event_type,
        iso_time(raw_when) as event_timestamp,
        -- Of what is no object from_json makes one without values: there its kind has to be looked up.
        case
            when context is null then null
            when coalesce(customer is not null or agent is not null or api is not null or survey is not null, false)
                then 'OBJECT'
            else json_type(line, '$.context')
        end as context_kind,
        case
            when customer.identifiers[1].key = '"phone"' then customer.identifiers[1].value
            else list_filter(customer.identifiers, lambda item: item.key = '"phone"')[1].value
        end as phone_leaf,
        {values}
    from opened
),

dated as (
    select
        *,
        cast(timezone(getvariable('time_zone'), timezone('UTC', event_timestamp)) as date) as event_date,
        case raw_reason {aliases} else raw_reason end as reason_of_end,
        national_digits(coalesce(json_text(phone_leaf), case when is_number(phone_leaf) then cast(phone_leaf as varchar) end)) as phone
    from valued
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
        when event_type = '{solved}' and agent.solution."previousSolutions" is not null
            then cast(to_json(list_transform(agent.solution."previousSolutions", lambda item: json_text(item))) as varchar)
    end as previous_solutions,
    coalesce(api_name, api_alias, outer_api_alias) as api_name,
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
