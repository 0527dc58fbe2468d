{{ config(materialized='table') }}
SELECT p.iso, h.label, p.day, count(*) AS intervals, avg(p.lmp_price) AS price
FROM {{ ref('staged_prices') }} p JOIN {{ ref('hubs') }} h ON p.iso = h.iso
GROUP BY 1, 2, 3
