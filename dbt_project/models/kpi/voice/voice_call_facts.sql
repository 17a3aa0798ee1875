{{ config(
    enabled='voice' in active_sources(),
    materialized='incremental',
    incremental_strategy='replace_conversations',
    on_schema_change='fail',
    pre_hook='{{ require_scope() }}',
    indexes=[
        {'columns': ['conversation_id']}, {'columns': ['event_date']}, {'columns': ['started_at']}
    ] if target.type == 'postgres' else []
) }}

-- the dates in scope are found by what stands here before
-- depends_on: {{ ref('scope_dates') }}
-- depends_on: {{ ref('scope_conversations') }}
select *
from {{ ref('int_voice__call_facts') }}
