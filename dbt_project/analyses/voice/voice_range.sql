{{ config(enabled='voice' in active_sources()) }}

-- The indicators of a range of dates as one row: --vars '{first: 2018-06-13, last: 2018-06-15}'
{{ voice_overall(var('first', none), var('last', none), var('as_of', none)) }}
