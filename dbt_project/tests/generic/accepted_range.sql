{# Every value of the columns is null or from minimum to maximum, both included; leave one out for an open end. #}
{% test accepted_range(model, columns, minimum=none, maximum=none, scope=none) %}

select {{ columns | join(', ') }}
from {{ rows_in_scope(model, scope) }}
where
    {%- for column in columns %}
    {% if not loop.first %}or {% endif %}not (
        {{ column }} is null
        or (true
        {%- if minimum is not none %} and {{ column }} >= {{ minimum }}{% endif %}
        {%- if maximum is not none %} and {{ column }} <= {{ maximum }}{% endif %})
    )
    {%- endfor %}

{% endtest %}
