{#
  Rows are told apart by the key, no column of `required` is null in any, and no condition is false. One pass, for
  tables that are large. scope and source: as for rows_in_scope.
#}
{% test sound_rows(model, key, required=[], conditions=[], scope=none, source=none) %}

select {{ key | join(', ') }}
from {{ rows_in_scope(model, scope, source) }}
group by {{ key | join(', ') }}
having
    count(*) > 1
    or max(case when false
        {%- for column in required %} or {{ column }} is null{% endfor %}
        {%- for condition in conditions %} or not ({{ condition }}){% endfor %} then 1 else 0 end) = 1

{% endtest %}
