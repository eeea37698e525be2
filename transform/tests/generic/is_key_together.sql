-- Several columns tell rows apart, and none of them is NULL.
{% test is_key_together(model, columns) %}
    select
        {{ columns | join(', ') }},
        count(*) as rows
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}
