{{ config(enabled='voice' in active_sources()) }}

{{ voice_kpi_rows(ref('int_voice__days')) }}
