-- The twenty queries that the demo's dashboards ask most. Each: a title, who asks, and the query.

-- prices by market and day
-- user: analyst1
SELECT iso, date_trunc('day', interval_start_time) AS day, avg(lmp_price) AS average, min(lmp_price) AS lowest, max(lmp_price) AS highest
FROM iceberg.curated.lmp_prices GROUP BY 1, 2 ORDER BY 1, 2;

-- the reference mart: hourly averages by location
-- user: analyst1
SELECT node_id AS location_id, date_trunc('hour', interval_start_time) AS hour, avg(lmp_price) AS avg_lmp
FROM iceberg.curated.lmp_prices
WHERE interval_start_time >= TIMESTAMP '2026-03-30 00:00:00 UTC'
GROUP BY 1, 2 ORDER BY 1, 2;

-- one week of one market, hour by hour
-- user: analyst1
SELECT date_trunc('hour', interval_start_time) AS hour, avg(lmp_price) AS average
FROM iceberg.curated.lmp_prices
WHERE iso = 'CAISO' AND interval_start_time >= TIMESTAMP '2026-03-01 00:00:00 UTC' AND interval_start_time < TIMESTAMP '2026-03-08 00:00:00 UTC'
GROUP BY 1 ORDER BY 1;

-- the ten dearest nodes of March
-- user: analyst1
SELECT iso, node_id, avg(lmp_price) AS average, max(lmp_price) AS highest
FROM iceberg.curated.lmp_prices
WHERE date_trunc('month', interval_start_time) = TIMESTAMP '2026-03-01 00:00:00 UTC'
GROUP BY iso, node_id ORDER BY average DESC, iso, node_id LIMIT 10;

-- hubs by day
-- user: analyst1
SELECT m.hub_id, date_trunc('day', p.interval_start_time) AS day, avg(p.lmp_price) AS average, sum(p.congestion) AS congestion
FROM iceberg.curated.lmp_prices p
JOIN iceberg.curated.iso_node_mapping m ON p.iso = m.iso AND p.node_id = m.node_id
WHERE m.valid_to IS NULL
GROUP BY 1, 2 ORDER BY 1, 2;

-- zones by month
-- user: analyst1
SELECT m.zone_id, month(p.interval_start_time) AS month, avg(p.lmp_price) AS average, count(*) AS intervals
FROM iceberg.curated.lmp_prices p
JOIN iceberg.curated.iso_node_mapping m ON p.iso = m.iso AND p.node_id = m.node_id
WHERE m.valid_to IS NULL
GROUP BY 1, 2 ORDER BY 1, 2;

-- the spread between hubs, day by day
-- user: analyst1
WITH daily AS (
  SELECT m.hub_id, date_trunc('day', p.interval_start_time) AS day, avg(p.lmp_price) AS average
  FROM iceberg.curated.lmp_prices p
  JOIN iceberg.curated.iso_node_mapping m ON p.iso = m.iso AND p.node_id = m.node_id
  WHERE m.valid_to IS NULL
  GROUP BY 1, 2
)
SELECT day, max(average) - min(average) AS spread FROM daily GROUP BY day ORDER BY day;

-- peak against off-peak hours
-- user: analyst1
SELECT iso, CASE WHEN hour(interval_start_time) BETWEEN 7 AND 22 THEN 'peak' ELSE 'off-peak' END AS block, avg(lmp_price) AS average
FROM iceberg.curated.lmp_prices GROUP BY 1, 2 ORDER BY 1, 2;

-- the heat map: day of week against hour
-- user: analyst1
SELECT day_of_week(interval_start_time) AS weekday, hour(interval_start_time) AS hour, avg(lmp_price) AS average
FROM iceberg.curated.lmp_prices WHERE iso = 'SPP' GROUP BY 1, 2 ORDER BY 1, 2;

-- 95th percentiles by market and day
-- user: analyst1
SELECT iso, date_trunc('day', interval_start_time) AS day, approx_percentile(lmp_price, 0.95) AS p95
FROM iceberg.curated.lmp_prices GROUP BY 1, 2 ORDER BY 1, 2;

-- the middle and the tail by node
-- user: analyst1
SELECT node_id, approx_percentile(lmp_price, 0.5) AS p50, approx_percentile(lmp_price, 0.95) AS p95
FROM iceberg.curated.lmp_prices WHERE iso = 'MISO' GROUP BY 1 ORDER BY 1;

-- negative prices by market and day
-- user: analyst1
SELECT iso, CAST(interval_start_time AS date) AS day, count(*) FILTER (WHERE lmp_price < 0) AS negative, count(*) AS intervals
FROM iceberg.curated.lmp_prices GROUP BY 1, 2 ORDER BY 1, 2;

-- how much of the price is congestion
-- user: analyst1
SELECT iso, sum(congestion) / sum(lmp_price) AS share, sum(loss) / sum(lmp_price) AS losses
FROM iceberg.curated.lmp_prices GROUP BY 1 ORDER BY 1;

-- the running mean of seven days
-- user: analyst1
SELECT iso, day, avg(average) OVER (PARTITION BY iso ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week
FROM (
  SELECT iso, date_trunc('day', interval_start_time) AS day, avg(lmp_price) AS average
  FROM iceberg.curated.lmp_prices GROUP BY 1, 2
) AS daily
ORDER BY iso, day;

-- the change from the day before
-- user: analyst1
SELECT iso, day, highest - lag(highest) OVER (PARTITION BY iso ORDER BY day) AS change
FROM (
  SELECT iso, CAST(interval_start_time AS date) AS day, max(lmp_price) AS highest
  FROM iceberg.curated.lmp_prices GROUP BY 1, 2
) AS daily
ORDER BY iso, day;

-- the figures of a window that begins and ends within an hour
-- user: analyst1
SELECT count(*) AS intervals, min(lmp_price) AS lowest, max(lmp_price) AS highest, sum(lmp_price) AS total
FROM iceberg.curated.lmp_prices
WHERE interval_start_time >= TIMESTAMP '2026-03-09 06:30:00 UTC' AND interval_start_time < TIMESTAMP '2026-03-29 18:45:00 UTC';

-- volume by desk and day
-- user: admin1
SELECT desk, date_trunc('day', trade_ts) AS day, sum(qty_mwh) AS volume, count(*) AS trades
FROM iceberg.trading.trades WHERE status <> 'CANCELLED' GROUP BY 1, 2 ORDER BY 1, 2;

-- a desk's own book by node
-- user: trader1
SELECT node_id, side, sum(qty_mwh) AS volume, sum(qty_mwh * price) AS notional
FROM iceberg.trading.trades GROUP BY 1, 2 ORDER BY 1, 2;

-- who trades most
-- user: admin1
SELECT trader_id, sum(qty_mwh) AS volume, count(*) AS trades
FROM iceberg.trading.trades WHERE trade_ts >= TIMESTAMP '2026-03-01 00:00:00 UTC' GROUP BY 1 ORDER BY volume DESC, trader_id LIMIT 10;

-- the share of cancelled trades
-- user: admin1
SELECT desk, CAST(count(*) FILTER (WHERE status = 'CANCELLED') AS double) / count(*) AS cancelled
FROM iceberg.trading.trades GROUP BY 1 ORDER BY 1;
