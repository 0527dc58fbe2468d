/* Values of every type by every getter, and many of them. */

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.Calendar;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;

final class Values extends Asking {
    static final List<String> VALUES = List.of(
            "true", "TINYINT '1'", "SMALLINT '-2'", "INTEGER '3'", "BIGINT '9007199254740993'", "REAL '1.5'", "2.5e0",
            "nan()", "infinity()", "DECIMAL '1.50'", "DECIMAL '12345678901234567890.0123456789'", "VARCHAR 'ä''s'",
            "CAST('ab' AS varchar(5))", "CAST('ab' AS char(4))", "'12'", "'2026-03-08'", "X'00ff'",
            "DATE '2026-03-08'", "DATE '1500-01-01'", "TIME '01:02:03'", "TIME '01:02:03.123456'",
            "TIME '01:02:03+08:00'", "TIMESTAMP '2026-03-08 01:02:03'", "TIMESTAMP '2026-03-08 01:02:03.123456'",
            "TIMESTAMP '2026-03-08 01:02:03.123 America/Los_Angeles'", "TIMESTAMP '2026-03-08 01:02:03 UTC'",
            "INTERVAL '3' DAY", "INTERVAL '14' MONTH", "JSON '{\"a\": [1, null]}'",
            "UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'", "ARRAY[1, NULL, 3]", "ARRAY[ARRAY['a'], ARRAY[]]",
            "MAP(ARRAY['k'], ARRAY[DECIMAL '1.5'])", "ROW(1, 'x')", "CAST(ROW(1, DATE '2026-01-01') AS ROW(a int, b date))",
            "NULL", "CAST(NULL AS timestamp(3) with time zone)", "CAST(NULL AS array(integer))");

    /** Read each value by every getter; `source` is the FROM of the query that gives it, if it needs one. */
    static void types(Connection connection, List<String> values, String source) {
        for (String value : values) {
            ask("value " + value, () -> {
                try (Statement statement = connection.createStatement();
                        ResultSet rows = statement.executeQuery("SELECT " + value + " AS v" + source)) {
                    Map<String, Object> answer = new LinkedHashMap<>();
                    answer.put("column", column(rows.getMetaData(), 1));
                    rows.next();
                    getters(rows).forEach((name, getter) -> answer.put(name, attempt(getter)));
                    answer.put("more", rows.next());
                    return answer;
                }
            });
        }
    }

    private static final List<Class<?>> WANTED = List.of(
            LocalDate.class, LocalTime.class, LocalDateTime.class, OffsetDateTime.class, ZonedDateTime.class, Instant.class,
            String.class, Long.class, Double.class, BigDecimal.class, Boolean.class, byte[].class, List.class, Map.class);

    private static Map<String, Question> getters(ResultSet rows) {
        Map<String, Question> getters = new LinkedHashMap<>();
        getters.put("boolean", () -> rows.getBoolean(1));
        getters.put("byte", () -> rows.getByte(1));
        getters.put("short", () -> rows.getShort(1));
        getters.put("int", () -> rows.getInt("v"));
        getters.put("long", () -> rows.getLong(1));
        getters.put("float", () -> rows.getFloat(1));
        getters.put("double", () -> rows.getDouble(1));
        getters.put("decimal", () -> rows.getBigDecimal(1));
        getters.put("string", () -> rows.getString("V"));
        getters.put("bytes", () -> rows.getBytes(1));
        getters.put("date", () -> rows.getDate(1));
        getters.put("time", () -> rows.getTime(1));
        getters.put("timestamp", () -> rows.getTimestamp(1));
        Calendar far = Calendar.getInstance(TimeZone.getTimeZone("Asia/Kathmandu"));
        getters.put("date there", () -> rows.getDate(1, far));
        getters.put("time there", () -> rows.getTime(1, far));
        getters.put("timestamp there", () -> rows.getTimestamp(1, far));
        getters.put("array", () -> rows.getArray(1) == null ? null : rows.getArray(1).getArray());
        getters.put("object", () -> typed(rows.getObject(1)));
        for (Class<?> wanted : WANTED) {
            getters.put(wanted.getSimpleName(), () -> typed(rows.getObject(1, wanted)));
        }
        getters.put("null", () -> rows.wasNull());
        return getters;
    }

    /** The getters of kinds of values that the driver does not know: it says so, whatever the server is. */
    static void unknownKinds(Connection connection) {
        Map<String, Row> getters = new LinkedHashMap<>();
        getters.put("nstring", rows -> rows.getNString(1));
        getters.put("ascii stream", rows -> new String(rows.getAsciiStream(1).readAllBytes(), StandardCharsets.US_ASCII));
        getters.put("binary stream", rows -> rows.getBinaryStream(1));
        getters.put("character stream", rows -> rows.getCharacterStream(1));
        getters.put("blob", rows -> rows.getBlob(1));
        getters.put("clob", rows -> rows.getClob(1));
        getters.put("xml", rows -> rows.getSQLXML(1));
        getters.put("url", rows -> rows.getURL(1));
        getters.put("ref", rows -> rows.getRef(1));
        getters.put("row id", rows -> rows.getRowId(1));
        getters.put("object by map", rows -> rows.getObject(1, Map.of()));
        ask("unknown kinds", () -> {
            try (Statement statement = connection.createStatement();
                    ResultSet rows = statement.executeQuery("SELECT 'x' AS v")) {
                rows.next();
                Map<String, Object> answer = new LinkedHashMap<>();
                getters.forEach((name, getter) -> answer.put(name, attempt(() -> getter.read(rows))));
                return answer;
            }
        });
    }

    private interface Row {
        Object read(ResultSet rows) throws Exception;
    }

    private static Object typed(Object value) {
        return value == null ? null : List.of(value.getClass().getName(), value);
    }

    /** Read many rows of a query over node, market, time and price, and few of them. */
    static void big(Connection connection, String ordered) {
        ask("100,000 rows", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(10_000);
                long count = 0;
                long sum = 0; // the order of rows is free
                try (ResultSet rows = statement.executeQuery(ordered + " LIMIT 100000")) {
                    while (rows.next()) {
                        count++;
                        sum += (rows.getString(1) + rows.getString(2) + rows.getTimestamp(3) + rows.getDouble(4)).hashCode();
                    }
                }
                return List.of(count, sum);
            }
        });
        ask("at most 10 rows", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.setMaxRows(10);
                int count = 0;
                try (ResultSet rows = statement.executeQuery(ordered)) {
                    while (rows.next()) {
                        count++;
                    }
                }
                return count;
            }
        });
    }
}
