"""Tables for the engine's tests: every type, and names that make trouble."""

from __future__ import annotations

SCRIPT = """
DROP DATABASE IF EXISTS Types;
CREATE DATABASE Types;
CREATE TABLE Types.Everything (
  id Int64 COMMENT 'number of the row',
  t Int8, s Int16, i Int32, b Nullable(Int64), u8 UInt8, u16 UInt16, u32 UInt32, u64 UInt64, i128 Int128, i256 Int256,
  r Float32, d Nullable(Float64), de9 Decimal(9, 2), de38 Nullable(Decimal(38, 10)), bo Nullable(Bool),
  v Nullable(String), lc LowCardinality(Nullable(String)), fs FixedString(3), en Enum8('up' = 1, 'down' = -1), u Nullable(UUID),
  ip4 IPv4, ip6 Nullable(IPv6), dt Date, dt32 Nullable(Date32), ts0 DateTime, tz0 DateTime('America/New_York'),
  ts9 Nullable(DateTime64(9)), tz3 Nullable(DateTime64(3, 'Asia/Kolkata')),
  ai Array(Nullable(Int32)), aa Array(Array(String)), m Map(String, Nullable(Int64)), mt Map(Int64, DateTime64(3)),
  tu Tuple(a Int32, b Nullable(String)), ta Array(Tuple(x Int32, y Date))
) ENGINE = MergeTree ORDER BY id COMMENT 'one of each';
INSERT INTO Types.Everything VALUES
 (1, -128, -32768, -2147483648, -9223372036854775808, 255, 65535, 4294967295, 18446744073709551615,
  12345678901234567890123456789012345678, -5, 0.1, -0.0, -0.05, 9999999999999999999999999999.9999999999, true,
  'Straße ''x''', 'low', 'ab', 'up', '12151fd2-7586-11e9-8f9e-2a86e4085a59',
  '10.0.0.1', '::ffff:10.0.0.2', '2026-02-01', '0001-01-01', '2026-02-01 10:00:00', '2026-03-08 03:30:00',
  '1969-12-31 23:59:59.999999999', '2026-02-01 00:00:00.500',
  [1, NULL], [['a'], []], {'k': 1, 'n': NULL}, {7: '2026-02-01 00:00:00.001'}, (5, NULL), [(1, '2026-02-01')]),
 (2, 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0, inf, NULL, 0, NULL, NULL, NULL, NULL, unhex('00ff61'), 'down', NULL,
  '0.0.0.0', NULL, '1970-01-01', NULL, '1970-01-01 00:00:00', '1970-01-01 00:00:00', NULL, NULL,
  [], [], {}, {}, (0, 'x'), []),
 (3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, nan, nan, 1.5, 1, false, unhex('ff41'), '', '', 'up', NULL,
  '1.2.3.4', '2001:db8::1', '2149-06-06', '9999-12-31', '2106-02-07 06:28:15', '2026-07-01 00:00:00',
  '2261-12-31 23:59:59.999999999', '1970-01-01 05:30:00.000',
  [NULL], [[]], {'': 0}, {-1: '1970-01-01 00:00:00.000'}, (1, ''), [(2, '1970-01-01'), (3, '1970-01-02')]);
DROP DATABASE IF EXISTS Names;
CREATE DATABASE Names;
CREATE TABLE Names.Twice (a Int8) ENGINE = Memory;
CREATE TABLE Names.twice (a Int8) ENGINE = Memory;
CREATE TABLE Names.`odd name.x` (`A b` Int8, `c.d` Int8, `Tick``s` Int8) ENGINE = MergeTree ORDER BY tuple();
INSERT INTO Names.`odd name.x` VALUES (1, 2, 3);
CREATE TABLE Names.Columns (a Int8, B Int8, b Int8, al Int8 ALIAS a + 1, ma Int8 MATERIALIZED a + 2, js JSON) ENGINE = MergeTree ORDER BY a;
INSERT INTO Names.Columns (a, B, b, js) VALUES (1, 2, 3, '{}');
CREATE VIEW Names.Shown AS SELECT a, toUInt16(a) AS wide FROM Names.Columns;
CREATE TABLE Names.Counts (n Int64) ENGINE = SummingMergeTree ORDER BY n;
CREATE MATERIALIZED VIEW Names.Kept TO Names.Counts AS SELECT toInt64(a) AS n FROM Names.Columns;
CREATE MATERIALIZED VIEW Names.Inner ENGINE = MergeTree ORDER BY n AS SELECT toInt64(a) AS n FROM Names.Columns
"""
WIRE: list[list[object]] = [
    [
        *(1, -128, -32768, -2147483648, -9223372036854775808, 255, 65535, 4294967295, "18446744073709551615"),
        *("12345678901234567890123456789012345678", "-5", 0.1, -0.0, "-0.05"),
        *("9999999999999999999999999999.9999999999", True, "Straße 'x'", "low", "YWIA", "up"),
        *("12151fd2-7586-11e9-8f9e-2a86e4085a59", "10.0.0.1", "10.0.0.2", "2026-02-01", "0001-01-01"),
        *("2026-02-01 10:00:00", "2026-03-08 03:30:00 America/New_York", "1969-12-31 23:59:59.999999999"),
        *("2026-02-01 00:00:00.500 Asia/Kolkata", [1, None], [["a"], []], {"k": 1, "n": None}),
        *({"7": "2026-02-01 00:00:00.001"}, [5, None], [[1, "2026-02-01"]]),
    ],
    [
        *(2, 0, 0, 0, None, 0, 0, 0, "0", "0", "0", "Infinity", None, "0.00", None, None, None, None, "AP9h", "down"),
        *(None, "0.0.0.0", None, "1970-01-01", None, "1970-01-01 00:00:00"),
        *("1970-01-01 00:00:00 America/New_York", None, None, [], [], {}, {}, [0, "x"], []),
    ],
    [
        *(3, 1, 1, 1, 1, 1, 1, 1, "1", "1", "1", "NaN", "NaN", "1.50", "1.0000000000", False, "\ufffdA", "", "AAAA"),
        *("up", None, "1.2.3.4", "2001:db8::1", "2149-06-06", "9999-12-31", "2106-02-07 06:28:15"),
        *("2026-07-01 00:00:00 America/New_York", "2261-12-31 23:59:59.999999999"),
        *("1970-01-01 05:30:00.000 Asia/Kolkata", [None], [[]], {"": 0}, {"-1": "1970-01-01 00:00:00.000"}),
        *([1, ""], [[2, "1970-01-01"], [3, "1970-01-02"]]),
    ],
]
"""What the protocol shows of `Types.Everything`."""
