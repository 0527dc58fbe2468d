{{ config(materialized='view') }}
SELECT iso, node_id, CAST(interval_start_time AS date) AS day, lmp_price
FROM iceberg.curated.lmp_prices
WHERE node_id IN (SELECT min(node_id) FROM iceberg.curated.lmp_prices GROUP BY iso)
