{{ config(
    enabled='voice' in active_sources(),
    description='The accepted events of a load are all found as events of calls, and no others of it are.',
    meta={'dagster': {'ref': {'name': 'voice_call_facts'}}}
) }}
-- depends_on: {{ ref('voice_call_facts') }}
{{ loads_differ('voice', ref('stg_voice__events')) }}
