{# Every row in scope has a row in another table with the same source and the same value of the column. #}
{% test found_in(model, column_name, to, field=none, scope='scope_conversations') %}

select facts.{{ column_name }}
from {{ rows_in_scope(model, scope) }}
left join {{ to }} as found
    on facts.source = found.source and facts.{{ column_name }} = found.{{ field or column_name }}
where facts.{{ column_name }} is not null and found.source is null

{% endtest %}
