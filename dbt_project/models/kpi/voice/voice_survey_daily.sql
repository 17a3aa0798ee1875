{{ config(enabled='voice' in active_sources(), materialized='view') }}

{{ voice_survey(by_date=true) }}
