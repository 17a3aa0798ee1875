{{ config(enabled='rasa' in active_sources()) }}

with touched as (
    select distinct events.conversation_id
    from {{ ref('stg_rasa__events') }} as events
    inner join {{ ref('scope_loads') }} as scope on events.load_id = scope.load_id
    where scope.source = 'rasa'
)

{%- if rasa_setting('user_id') == 'sender_id' %}

select conversation_id
from touched
{%- else %},

-- who is new or returning depends on all conversations of a user
users as (
    select distinct
        events.conversation_id,
        named.user_id
    from {{ ref('int_rasa__readable_events') }} as events
    inner join {{ ref('stg_rasa__named_users') }} as named on events.row_id = named.row_id
    where named.user_id is not null
)

select conversation_id
from touched

union

select others.conversation_id
from touched
inner join users on touched.conversation_id = users.conversation_id
inner join users as others on users.user_id = others.user_id
{%- endif %}
