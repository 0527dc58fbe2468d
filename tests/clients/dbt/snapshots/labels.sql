{% snapshot labels %}
{{ config(target_schema=target.schema, unique_key='iso', strategy='check', check_cols=['label']) }}
SELECT iso, {% if var('round', 1) > 1 %}CASE WHEN iso = 'SPP' THEN 'Plains' ELSE label END AS label{% else %}label{% endif %}
FROM {{ ref('hubs') }}
{% endsnapshot %}
