/*
 * What a tool asks of the JDBC driver, as one program: each question is printed with its answer as a line of JSON, so
 * that the answers of two servers can be compared. Run it as
 * `java -cp trino-jdbc.jar Probe.java URL USER SCHEMA [RELATION]`; with a relation it only reads that.
 */

import io.trino.jdbc.TrinoConnection;
import io.trino.jdbc.TrinoStatement;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TimeZone;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

public class Probe {
    private static final String SLOW =
            "SELECT count(*) FROM iceberg.curated.lmp_prices a CROSS JOIN iceberg.curated.lmp_prices b "
                    + "WHERE a.lmp_price * b.lmp_price > 1e9";

    private static String url;
    private static String user;

    public static void main(String[] arguments) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        url = arguments[0];
        user = arguments[1];
        if (arguments.length > 3) {
            policed(arguments[3]);
            return;
        }
        try (Connection connection = connect()) {
            describe(connection);
            metadata(connection.getMetaData());
            types(connection);
            errors(connection);
            updates(connection, arguments[2]);
            big(connection);
            timeout(connection);
            cancel(connection);
        }
        for (String explicit : List.of("true", "false")) {
            try (Connection connection = connect("explicitPrepare", explicit)) {
                prepared(connection, "explicitPrepare=" + explicit, arguments[2]);
            }
        }
        session();
        System.exit(0); // whatever the driver's threads still wait for
    }

    private static Connection connect(String... more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        for (int i = 0; i < more.length; i += 2) {
            properties.setProperty(more[i], more[i + 1]);
        }
        return DriverManager.getConnection(url, properties);
    }

    // ---- Metadata ----

    private static void describe(Connection connection) {
        ask("product name", () -> connection.getMetaData().getDatabaseProductName());
        ask("product version", () -> connection.getMetaData().getDatabaseProductVersion());
        ask("user name", () -> connection.getMetaData().getUserName());
        ask("read only", () -> connection.isReadOnly());
        ask("isolation", () -> connection.getTransactionIsolation());
        ask("keywords", () -> connection.getMetaData().getSQLKeywords());
        ask("functions of numbers", () -> connection.getMetaData().getNumericFunctions());
        ask("valid", () -> connection.isValid(10));
        ask("validated by HEAD", () -> {
            try (Connection validated = connect("validateConnection", "true")) {
                return validated.isValid(10);
            }
        });
    }

    private static void metadata(DatabaseMetaData meta) {
        table("catalogs", () -> meta.getCatalogs());
        table("schemas", () -> meta.getSchemas("iceberg", null));
        table("schemas like", () -> meta.getSchemas("iceberg", "cur%"));
        table("schemas of nothing", () -> meta.getSchemas("nope", "%"));
        table("tables", () -> meta.getTables("iceberg", "trading", "%", null));
        table("tables escaped", () -> meta.getTables("iceberg", "curated", "lmp\\_prices", new String[] {"TABLE"}));
        table("views", () -> meta.getTables("iceberg", "curated", null, new String[] {"VIEW"}));
        table("system tables", () -> meta.getTables("iceberg", "curated", null, new String[] {"SYSTEM TABLE"}));
        table("tables of nothing", () -> meta.getTables("iceberg", "nope", "%", null));
        table("columns", () -> meta.getColumns("iceberg", "trading", "trades", null));
        table("columns of all", () -> meta.getColumns("iceberg", "curated", "%", "%"));
        table("columns like", () -> meta.getColumns("iceberg", "curated", "lmp\\_prices", "lmp%"));
        table("table types", () -> meta.getTableTypes());
        table("types", () -> meta.getTypeInfo());
        table("primary keys", () -> meta.getPrimaryKeys("iceberg", "trading", "trades"));
        table("imported keys", () -> meta.getImportedKeys("iceberg", "trading", "trades"));
        table("exported keys", () -> meta.getExportedKeys("iceberg", "trading", "trades"));
        table("cross reference", () -> meta.getCrossReference("iceberg", "a", "b", "iceberg", "c", "d"));
        table("indexes", () -> meta.getIndexInfo("iceberg", "trading", "trades", false, true));
        table("row identifier", () -> meta.getBestRowIdentifier("iceberg", "trading", "trades", 0, true));
        table("version columns", () -> meta.getVersionColumns("iceberg", "trading", "trades"));
        table("procedures", () -> meta.getProcedures("iceberg", null, null));
        table("procedure columns", () -> meta.getProcedureColumns("iceberg", null, null, null));
        table("functions", () -> meta.getFunctions("iceberg", null, null));
        table("function columns", () -> meta.getFunctionColumns("iceberg", null, null, null));
        table("pseudo columns", () -> meta.getPseudoColumns("iceberg", null, null, null));
        table("own types", () -> meta.getUDTs("iceberg", null, null, null));
        table("super types", () -> meta.getSuperTypes("iceberg", null, null));
        table("super tables", () -> meta.getSuperTables("iceberg", null, null));
        table("attributes", () -> meta.getAttributes("iceberg", null, null, null));
        table("column privileges", () -> meta.getColumnPrivileges("iceberg", "trading", "trades", null));
        table("table privileges", () -> meta.getTablePrivileges("iceberg", "trading", "trades"));
        table("client info", () -> meta.getClientInfoProperties());
    }

    // ---- Values ----

    private static final List<String> VALUES = List.of(
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

    private static void types(Connection connection) {
        for (String value : VALUES) {
            ask("value " + value, () -> {
                try (Statement statement = connection.createStatement();
                        ResultSet rows = statement.executeQuery("SELECT " + value + " AS v")) {
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
        getters.put("array", () -> rows.getArray(1) == null ? null : rows.getArray(1).getArray());
        getters.put("object", () -> typed(rows.getObject(1)));
        for (Class<?> wanted : List.of(LocalDate.class, LocalTime.class, LocalDateTime.class, OffsetDateTime.class, ZonedDateTime.class)) {
            getters.put(wanted.getSimpleName(), () -> typed(rows.getObject(1, wanted)));
        }
        getters.put("null", () -> rows.wasNull());
        return getters;
    }

    private static Object typed(Object value) {
        return value == null ? null : List.of(value.getClass().getName(), value);
    }

    private static void big(Connection connection) {
        ask("100,000 rows", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(10_000);
                long count = 0;
                long sum = 0; // the order of rows is free
                try (ResultSet rows = statement.executeQuery(
                        "SELECT iso, node_id, interval_start_time, lmp_price FROM iceberg.curated.lmp_prices "
                                + "ORDER BY interval_start_time, node_id LIMIT 100000")) {
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
                try (ResultSet rows = statement.executeQuery("SELECT node_id FROM iceberg.curated.lmp_prices")) {
                    while (rows.next()) {
                        count++;
                    }
                }
                return count;
            }
        });
    }

    // ---- Statements ----

    private static void errors(Connection connection) {
        for (String sql : List.of(
                "SELECT nope FROM iceberg.trading.trades", "SELECT * FROM iceberg.trading.nope", "SELECT * FROM nope.x.y",
                "SELECT * FROM iceberg.nope.y", "SELEC 1", "SELECT 1;", "SELECT 1 / 0", "SELECT foo(1)", "SELECT 'a' + 1",
                "SELECT CAST('x' AS integer)", "SELECT a FROM (VALUES 1) AS t(a) GROUP BY 2", "EXECUTE nope",
                "SELECT TINYINT '127' + TINYINT '1'", "", "USE iceberg.nope", "SET SESSION nope = 1",
                "SELECT count(*) FROM (VALUES 1) AS t(a) WHERE a = 'x'", "SHOW TABLES FROM iceberg.nope")) {
            ask("error of " + sql, () -> {
                try (Statement statement = connection.createStatement()) {
                    return statement.execute(sql) ? dump(statement.getResultSet()) : statement.getUpdateCount();
                }
            });
        }
    }

    private static void updates(Connection connection, String schema) {
        String name = schema + ".jdbc_probe";
        ask("update", () -> {
            List<Object> answers = new ArrayList<>();
            try (Statement statement = connection.createStatement()) {
                for (String sql : List.of(
                        "CREATE SCHEMA IF NOT EXISTS " + schema, "DROP TABLE IF EXISTS " + name,
                        "CREATE TABLE " + name + " (a integer, b varchar)",
                        "INSERT INTO " + name + " VALUES (1, 'x'), (2, 'y')", "UPDATE " + name + " SET b = 'z' WHERE a = 2",
                        "DELETE FROM " + name + " WHERE a = 1")) {
                    answers.add(statement.executeUpdate(sql));
                    answers.add(statement.unwrap(TrinoStatement.class).getUpdateType());
                }
                answers.add(statement.execute("SELECT * FROM " + name));
                answers.add(dump(statement.getResultSet()));
                answers.add(statement.getUpdateCount());
            }
            return answers;
        });
        ask("batch", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.addBatch("INSERT INTO " + name + " VALUES (3, 'x')");
                return statement.executeBatch();
            }
        });
        ask("prepared batch", () -> {
            try (PreparedStatement statement = connection.prepareStatement("INSERT INTO " + name + " VALUES (?, ?)")) {
                for (int i = 10; i < 13; i++) {
                    statement.setInt(1, i);
                    statement.setString(2, "batch");
                    statement.addBatch();
                }
                return statement.executeBatch();
            }
        });
        ask("a query in executeUpdate", () -> {
            try (Statement statement = connection.createStatement()) {
                return statement.executeUpdate("SELECT 1");
            }
        });
        table("rows after batches", () -> connection.createStatement().executeQuery("SELECT * FROM " + name + " ORDER BY a"));
        ask("drop", () -> connection.createStatement().executeUpdate("DROP TABLE " + name));
    }

    private static void timeout(Connection connection) {
        ask("timeout", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(1);
                return dump(statement.executeQuery(SLOW));
            }
        });
    }

    /**
     * Cancel as soon as the server says that it runs: what a tool's Stop button does.
     *
     * The thread that reads is not waited for without limit: this version of the driver sometimes leaves it waiting
     * for a page that nobody fetches any more, whatever the server does.
     */
    private static void cancel(Connection connection) {
        ask("cancel", () -> {
            CountDownLatch started = new CountDownLatch(1);
            Statement statement = connection.createStatement();
            statement.unwrap(TrinoStatement.class).setProgressMonitor(stats -> {
                if (stats.getState().equals("RUNNING")) {
                    started.countDown();
                }
            });
            List<Object> ended = new CopyOnWriteArrayList<>();
            Thread reader = Thread.ofPlatform().daemon().start(() -> ended.add(attempt(() -> dump(statement.executeQuery(SLOW)))));
            boolean ran = started.await(60, TimeUnit.SECONDS);
            statement.cancel();
            reader.join(5_000);
            boolean read = !ended.isEmpty() && !(ended.get(0) instanceof Map); // rows where there should be an error
            return List.of(ran, read);
        });
        table("after the cancel", () -> connection.createStatement().executeQuery("SELECT 1"));
    }

    private static void prepared(Connection connection, String how, String schema) {
        ask(how + " values", () -> {
            try (PreparedStatement statement =
                    connection.prepareStatement("SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?")) {
                statement.setInt(1, 1);
                statement.setLong(2, 9007199254740993L);
                statement.setString(3, "it's ? ä");
                statement.setBigDecimal(4, new BigDecimal("1.50"));
                statement.setDouble(5, 2.5);
                statement.setBoolean(6, true);
                statement.setDate(7, Date.valueOf("2026-03-08"));
                statement.setTime(8, Time.valueOf("01:02:03"));
                statement.setTimestamp(9, Timestamp.valueOf("2026-03-08 01:02:03.123456"));
                statement.setBytes(10, new byte[] {0, (byte) 0xff});
                statement.setNull(11, Types.VARCHAR);
                statement.setObject(12, LocalDate.of(2026, 3, 8));
                statement.setFloat(13, 1.5f);
                return dump(statement.executeQuery());
            }
        });
        ask(how + " twice", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT desk, count(*) FROM iceberg.trading.trades WHERE desk = ? GROUP BY desk")) {
                List<Object> answers = new ArrayList<>();
                for (String desk : List.of("CAISO", "MISO", "' OR ''='")) {
                    statement.setString(1, desk);
                    answers.add(dump(statement.executeQuery()));
                }
                return answers;
            }
        });
        ask(how + " described plainly", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT count(*) AS n, max(price) AS p, array_agg(desk) AS d FROM iceberg.trading.trades WHERE desk = ?")) {
                return columns(statement.getMetaData());
            }
        });
        ask(how + " described", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT desk, price * ? AS p FROM iceberg.trading.trades WHERE trade_ts > ? AND desk = ?")) {
                List<Object> answers = new ArrayList<>();
                answers.add(attempt(() -> columns(statement.getMetaData())));
                for (int i = 1; i <= 3; i++) {
                    int index = i;
                    answers.add(attempt(() -> statement.getParameterMetaData().getParameterTypeName(index)));
                    answers.add(attempt(() -> statement.getParameterMetaData().getParameterClassName(index)));
                }
                answers.add(attempt(() -> statement.getParameterMetaData().getParameterCount()));
                return answers;
            }
        });
        ask(how + " without a value", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT ?")) {
                return dump(statement.executeQuery());
            }
        });
        ask(how + " with an error", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT nope FROM iceberg.trading.trades WHERE desk = ?")) {
                statement.setString(1, "CAISO");
                return dump(statement.executeQuery());
            }
        });
        ask(how + " of wrong syntax", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELEC ?")) {
                statement.setInt(1, 1);
                return dump(statement.executeQuery());
            }
        });
        ask(how + " update", () -> {
            String name = schema + ".jdbc_prepared";
            try (Statement plain = connection.createStatement()) {
                plain.execute("DROP TABLE IF EXISTS " + name);
                plain.execute("CREATE TABLE " + name + " (a bigint, b varchar, c timestamp(6))");
                List<Object> answers = new ArrayList<>();
                try (PreparedStatement statement = connection.prepareStatement("INSERT INTO " + name + " VALUES (?, ?, ?)")) {
                    statement.setLong(1, 1);
                    statement.setString(2, "x");
                    statement.setTimestamp(3, Timestamp.valueOf("2026-03-08 01:02:03.123456"));
                    answers.add(statement.executeUpdate());
                }
                answers.add(dump(plain.executeQuery("SELECT * FROM " + name)));
                plain.execute("DROP TABLE " + name);
                return answers;
            }
        });
    }

    private static void session() throws SQLException {
        try (Connection connection = connect("clientTags", "a,b", "source", "probe", "traceToken", "t1")) {
            TrinoConnection own = connection.unwrap(TrinoConnection.class);
            ask("catalog and schema set", () -> {
                connection.setCatalog("iceberg");
                connection.setSchema("curated");
                return List.of(connection.getCatalog(), connection.getSchema(), first(connection, "SELECT current_schema"));
            });
            ask("use", () -> {
                connection.createStatement().execute("USE iceberg.trading");
                return List.of(connection.getSchema(), first(connection, "SELECT current_catalog || '.' || current_schema"));
            });
            ask("session property", () -> {
                connection.createStatement().execute("SET SESSION query_max_run_time = '10m'");
                String set = first(connection, "SHOW SESSION LIKE 'query_max_run_time'");
                connection.createStatement().execute("RESET SESSION query_max_run_time");
                return List.of(set.split("\\|")[1], first(connection, "SHOW SESSION LIKE 'query_max_run_time'").split("\\|")[1]);
            });
            ask("time zone", () -> {
                own.setTimeZoneId("Asia/Kathmandu");
                return List.of(first(connection, "SELECT current_timezone()"),
                        first(connection, "SELECT CAST(TIMESTAMP '2026-03-08 01:02:03 UTC' AS varchar)"),
                        first(connection, "SELECT TIMESTAMP '2026-03-08 01:02:03' AT TIME ZONE 'UTC'"));
            });
            ask("client info set", () -> {
                connection.setClientInfo("ApplicationName", "probe");
                connection.setClientInfo("ClientInfo", "about");
                return List.of(connection.getClientInfo("ApplicationName"), first(connection, "SELECT 1"));
            });
            ask("user", () -> first(connection, "SELECT current_user"));
            ask("prepared by hand", () -> {
                connection.createStatement().execute("PREPARE mine FROM SELECT ? + 1");
                String answer = first(connection, "EXECUTE mine USING 41");
                connection.createStatement().execute("DEALLOCATE PREPARE mine");
                return answer;
            });
            ask("closed", () -> {
                connection.close();
                return connection.isClosed();
            });
        }
    }

    /** Read a relation whole, in aggregates and by prepared statements. */
    private static void policed(String trades) throws SQLException {
        try (Connection connection = connect()) {
            ask("count", () -> first(connection, "SELECT count(*) FROM " + trades));
            table("rows", () -> connection.createStatement()
                    .executeQuery("SELECT * FROM " + trades + " ORDER BY trade_id LIMIT 500"));
            table("groups", () -> connection.createStatement().executeQuery(
                    "SELECT desk, count(*), sum(price) FROM " + trades + " GROUP BY desk ORDER BY desk"));
            for (String desk : List.of("CAISO", "MISO")) {
                ask("prepared " + desk, () -> {
                    try (PreparedStatement statement =
                            connection.prepareStatement("SELECT count(*), max(qty_mwh) FROM " + trades + " WHERE desk = ?")) {
                        statement.setString(1, desk);
                        return dump(statement.executeQuery());
                    }
                });
            }
        }
    }

    private static String first(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            List<String> found = new ArrayList<>();
            for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
                found.add(rows.getString(i));
            }
            return String.join("|", found);
        }
    }

    // ---- Asking and printing ----

    private interface Question {
        Object ask() throws Exception;
    }

    private interface Rows {
        ResultSet ask() throws SQLException;
    }

    private static void ask(String name, Question question) {
        StringBuilder line = new StringBuilder("{\"question\":");
        write(line, name);
        line.append(",\"answer\":");
        write(line, attempt(question));
        System.out.println(line.append('}'));
    }

    private static void table(String name, Rows rows) {
        ask(name, () -> dump(rows.ask()));
    }

    private static Object attempt(Question question) {
        try {
            return question.ask();
        } catch (SQLException error) {
            Map<String, Object> told = new LinkedHashMap<>();
            told.put("class", error.getClass().getSimpleName());
            told.put("code", error.getErrorCode());
            told.put("state", error.getSQLState());
            told.put("message", plain(error.getMessage()));
            return told;
        } catch (Exception error) {
            return List.of(error.getClass().getName(), plain(error.getMessage()));
        }
    }

    /** Leave out what differs from run to run: ids of queries, Java's addresses of byte arrays. */
    private static String plain(String message) {
        return String.valueOf(message).replaceAll("#?\\d{8}_\\d{6}_\\d{5}_\\w+", "ID").replaceAll("\\[B@\\w+", "BYTES");
    }

    private static Object dump(ResultSet rows) throws SQLException {
        ResultSetMetaData meta = rows.getMetaData();
        List<Object> found = new ArrayList<>();
        while (rows.next()) {
            List<Object> row = new ArrayList<>();
            for (int i = 1; i <= meta.getColumnCount(); i++) {
                row.add(rows.getString(i));
            }
            found.add(row);
        }
        return List.of(columns(meta), found);
    }

    private static List<Object> columns(ResultSetMetaData meta) throws SQLException {
        List<Object> columns = new ArrayList<>();
        for (int i = 1; i <= meta.getColumnCount(); i++) {
            columns.add(column(meta, i));
        }
        return columns;
    }

    private static List<Object> column(ResultSetMetaData meta, int i) throws SQLException {
        return Arrays.asList(
                meta.getColumnLabel(i), meta.getColumnName(i), meta.getColumnTypeName(i), meta.getColumnType(i),
                meta.getColumnClassName(i), meta.getPrecision(i), meta.getScale(i), meta.getColumnDisplaySize(i),
                meta.isNullable(i), meta.isSigned(i), meta.isCaseSensitive(i), meta.getCatalogName(i),
                meta.getSchemaName(i), meta.getTableName(i));
    }

    private static void write(StringBuilder out, Object value) {
        switch (value) {
            case null -> out.append("null");
            case Boolean flag -> out.append(flag);
            case Integer number -> out.append(number);
            case Long number -> out.append(number);
            case Map<?, ?> map -> {
                String gap = "{";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    out.append(gap);
                    write(out, String.valueOf(entry.getKey()));
                    out.append(':');
                    write(out, entry.getValue());
                    gap = ",";
                }
                out.append(map.isEmpty() ? "{}" : "}");
            }
            case Iterable<?> items -> {
                String gap = "";
                out.append('[');
                for (Object item : items) {
                    out.append(gap);
                    write(out, item);
                    gap = ",";
                }
                out.append(']');
            }
            case Object[] items -> write(out, Arrays.asList(items));
            case byte[] bytes -> write(out, Arrays.toString(bytes));
            case int[] numbers -> write(out, Arrays.toString(numbers));
            default -> quote(out, value.toString());
        }
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (char each : text.toCharArray()) {
            if (each == '"' || each == '\\') {
                out.append('\\').append(each);
            } else if (each < ' ') {
                out.append(String.format("\\u%04x", (int) each));
            } else {
                out.append(each);
            }
        }
        out.append('"');
    }
}
