{{ config(materialized='incremental', unique_key=['iso', 'day'], incremental_strategy='merge') }}
SELECT iso, day, price, {{ var('round', 1) }} AS round
FROM {{ ref('daily_prices') }}
{% if is_incremental() %}
WHERE day >= (SELECT max(day) FROM {{ this }})
{% endif %}
