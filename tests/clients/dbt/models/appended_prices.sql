{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns') }}
SELECT iso, count(*) AS days, {{ var('round', 1) }} AS round{% if var('round', 1) > 1 %}, 'new' AS note{% endif %}
FROM {{ ref('daily_prices') }} GROUP BY iso
