{# Rows are told apart by the columns. scope: scope_conversations or scope_dates, to look at those rows only. #}
{% test unique_combination(model, columns, scope=none) %}

select {{ columns | join(', ') }}
from {{ rows_in_scope(model, scope) }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
