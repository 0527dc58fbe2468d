{{ config(materialized='incremental', unique_key='iso', incremental_strategy='delete+insert') }}
SELECT iso, max(day) AS day, {{ var('round', 1) }} AS round FROM {{ ref('daily_prices') }} GROUP BY iso
