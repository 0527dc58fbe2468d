"""Dates, times, intervals and zones."""

from __future__ import annotations

SCALARS = """\
at_timezone(timestamp(p) with time zone, varchar(x)) -> timestamp(p) with time zone
at_timezone(timestamp(p) with time zone, interval day to second) -> timestamp(p) with time zone
~current_date() -> date
~current_groups() -> array(varchar)
~current_timezone() -> varchar
date($moment) -> date
date(varchar(x)) -> date
date_add(varchar(x), bigint, $stamp) -> $stamp
date_add(varchar(x), bigint, $clock) -> $clock
date_diff(varchar(x), $stamp, $stamp) -> bigint
date_diff(varchar(x), $clock, $clock) -> bigint
date_format, format_datetime($moment, varchar(x)) -> varchar
date_parse(varchar(x), varchar(y)) -> timestamp(3)
date_trunc(varchar(x), $stamp) -> $stamp
date_trunc(varchar(x), $clock) -> $clock
day, day_of_month($stamp) -> bigint
day, day_of_month(interval day to second) -> bigint
day_of_week, day_of_year, dow, doy, quarter, week, week_of_year, year_of_week, yow($stamp) -> bigint
from_iso8601_date(varchar(x)) -> date
from_iso8601_timestamp(varchar(x)) -> timestamp(3) with time zone
from_iso8601_timestamp_nanos(varchar(x)) -> timestamp(9) with time zone
from_unixtime(double) -> timestamp(3) with time zone
from_unixtime(double, bigint, bigint) -> timestamp(3) with time zone
from_unixtime(double, varchar(x)) -> timestamp(3) with time zone
from_unixtime_nanos(bigint) -> timestamp(9) with time zone
from_unixtime_nanos(decimal(p,s)) -> timestamp(9) with time zone
hour, millisecond, minute, second(interval day to second) -> bigint
hour, millisecond, minute, second($clock) -> bigint
hour, millisecond, minute, second($moment) -> bigint
last_day_of_month(date) -> date
last_day_of_month($moment) -> date
month, year($stamp) -> bigint
month, year(interval year to month) -> bigint
~now() -> timestamp(3) with time zone
parse_datetime(varchar(x), varchar(y)) -> timestamp(3) with time zone
parse_duration(varchar(x)) -> interval day to second
timezone(time(p) with time zone) -> varchar
timezone(timestamp(p) with time zone) -> varchar
timezone_hour, timezone_minute(time(p) with time zone) -> bigint
timezone_hour, timezone_minute(timestamp(p) with time zone) -> bigint
to_char(timestamp(p) with time zone, varchar) -> varchar
to_date(varchar, varchar) -> date
to_iso8601(date) -> varchar(16)
to_iso8601(timestamp(p)) -> varchar(n) where iso_text
to_iso8601(timestamp(p) with time zone) -> varchar(n) where iso_text_with_zone
to_milliseconds(interval day to second) -> bigint
to_timestamp(varchar, varchar) -> timestamp(3)
to_unixtime(timestamp(p) with time zone) -> double
with_timezone(timestamp(p), varchar(x)) -> timestamp(p) with time zone
"""
