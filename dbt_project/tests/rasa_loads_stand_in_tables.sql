{{ config(
    enabled='rasa' in active_sources(),
    description='The accepted events of a load are all found as raw events, and no others of it are.',
    meta={'dagster': {'ref': {'name': 'interactions'}}}
) }}
-- depends_on: {{ ref('interactions') }}
{{ loads_differ('rasa', ref('stg_rasa__events')) }}
