/*
 * How the programs of this folder ask and print: each question is printed with its answer as a line of JSON, so that
 * the answers of two servers can be compared. What fails is answered by its failure.
 */

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TimeZone;

abstract class Asking {
    static String url;
    static String user;

    interface Question {
        Object ask() throws Exception;
    }

    interface Rows {
        ResultSet ask() throws SQLException;
    }

    /** Take the first two arguments of a program, and the time zone that all values are shown in. */
    static void start(String[] arguments) {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        url = arguments[0];
        user = arguments[1];
    }

    static Connection connect(String... more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        for (int i = 0; i < more.length; i += 2) {
            properties.setProperty(more[i], more[i + 1]);
        }
        return DriverManager.getConnection(url, properties);
    }

    static void ask(String name, Question question) {
        StringBuilder line = new StringBuilder("{\"question\":");
        write(line, name);
        line.append(",\"answer\":");
        write(line, attempt(question));
        System.out.println(line.append('}'));
    }

    static void table(String name, Rows rows) {
        ask(name, () -> dump(rows.ask()));
    }

    /** Run a statement and give its rows, or its count where it has none. */
    static Object run(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return statement.execute(sql) ? dump(statement.getResultSet()) : statement.getUpdateCount();
        }
    }

    /** Run a query and give its first row, columns parted by bars. */
    static String first(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            List<String> found = new ArrayList<>();
            for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
                found.add(rows.getString(i));
            }
            return String.join("|", found);
        }
    }

    static Object attempt(Question question) {
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
    static String plain(String message) {
        return String.valueOf(message).replaceAll("#?\\d{8}_\\d{6}_\\d{5}_\\w+", "ID").replaceAll("\\[B@\\w+", "BYTES");
    }

    static Object dump(ResultSet rows) throws SQLException {
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

    static List<Object> columns(ResultSetMetaData meta) throws SQLException {
        List<Object> columns = new ArrayList<>();
        for (int i = 1; i <= meta.getColumnCount(); i++) {
            columns.add(column(meta, i));
        }
        return columns;
    }

    static List<Object> column(ResultSetMetaData meta, int i) throws SQLException {
        return Arrays.asList(
                meta.getColumnLabel(i), meta.getColumnName(i), meta.getColumnTypeName(i), meta.getColumnType(i),
                meta.getColumnClassName(i), meta.getPrecision(i), meta.getScale(i), meta.getColumnDisplaySize(i),
                meta.isNullable(i), meta.isSigned(i), meta.isCaseSensitive(i), meta.getCatalogName(i),
                meta.getSchemaName(i), meta.getTableName(i));
    }

    static void write(StringBuilder out, Object value) {
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

    static void quote(StringBuilder out, String text) {
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
