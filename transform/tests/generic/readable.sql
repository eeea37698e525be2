-- What the file says in `original` could be read; a line where it could not is NULL here, and a
-- warning: one wrong line must not cost the night.
{% test readable(model, column_name, original) %}
    {{ config(severity='warn') }}
    select {{ original }} as unreadable
    from {{ model }}
    where btrim({{ original }}) <> '' and {{ column_name }} is null
{% endtest %}
