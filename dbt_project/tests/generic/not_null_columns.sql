{# No null in any of the columns. scope: as for unique_combination. #}
{% test not_null_columns(model, columns, scope=none, source=none) %}

select {{ columns | join(', ') }}
from {{ rows_in_scope(model, scope, source) }}
where {% for column in columns %}{% if not loop.first %} or {% endif %}{{ column }} is null{% endfor %}

{% endtest %}
