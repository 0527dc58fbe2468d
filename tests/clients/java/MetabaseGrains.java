/* Metabase's questions by time: one for each of its units, in the report's time zone. */

import java.sql.Connection;
import java.util.LinkedHashMap;
import java.util.Map;

final class MetabaseGrains extends Asking {
    private static final String WEEK = "date_add('day', -1, date_trunc('week', date_add('day', 1, %s)))";
    private static final String DAY_OF_WEEK = "CASE WHEN mod((day_of_week(%1$s) + 1), 7) = 0 THEN 7 ELSE mod((day_of_week(%1$s) + 1), 7) END";

    /** The unit's name, and its expression over a moment. */
    private static Map<String, String> units() {
        Map<String, String> units = new LinkedHashMap<>();
        units.put("minute", "date_trunc('minute', %s)");
        units.put("minute of hour", "minute(%s)");
        units.put("hour", "date_trunc('hour', %s)");
        units.put("hour of day", "hour(%s)");
        units.put("day", "date(%s)");
        units.put("day of week", DAY_OF_WEEK);
        units.put("day of month", "day(%s)");
        units.put("day of year", "day_of_year(%s)");
        units.put("week", WEEK);
        units.put("week of year", "week(%s)");
        units.put("month", "date_trunc('month', %s)");
        units.put("month of year", "month(%s)");
        units.put("quarter", "date_trunc('quarter', %s)");
        units.put("quarter of year", "quarter(%s)");
        units.put("year", "date_trunc('year', %s)");
        units.put("year of era", "year(%s)");
        return units;
    }

    static void ask(String how, Connection connection, String moment, String from) {
        String there = "(" + moment + " AT TIME ZONE 'America/New_York')";
        String narrow = " WHERE " + moment + " >= TIMESTAMP '2026-03-08 04:00:00 America/New_York' AND "
                + moment + " < TIMESTAMP '2026-03-08 06:00:00 America/New_York'";
        units().forEach((unit, form) -> {
            String expression = form.formatted(there);
            String sql = "SELECT " + expression + " AS \"at\", COUNT(*) AS \"count\", SUM(lmp_price) AS \"sum\" " + from
                    + (unit.startsWith("minute") ? narrow : "") + " GROUP BY " + expression + " ORDER BY " + expression + " ASC LIMIT 500";
            ask(how + "by " + unit, () -> run(connection, sql));
        });
        ask(how + "differences", () -> run(connection, "SELECT date_diff('day', date(CAST(min(" + moment + ") AS timestamp with time zone) "
                + "AT TIME ZONE 'America/New_York'), date(CAST(max(" + moment + ") AS timestamp with time zone) AT TIME ZONE 'America/New_York')), "
                + "date_diff('hour', min(" + moment + ") AT TIME ZONE 'America/New_York', max(" + moment + ") AT TIME ZONE 'America/New_York') " + from));
        ask(how + "converted", () -> run(connection, "SELECT CAST(at_timezone(max(" + moment + "), 'Asia/Tokyo') AS timestamp) " + from));
        ask(how + "median", () -> run(connection, "SELECT approx_percentile(lmp_price, 0.5) IS NOT NULL, "
                + "log10(100), regexp_extract('a1b', '[0-9]') " + from));
    }
}
