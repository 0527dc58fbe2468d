/*
 * What a tool asks of a connection to the marts, which ClickHouse keeps. Run it as
 * `java -cp trino-jdbc.jar Marts.java URL USER [RELATION]` with a URL that names the marts' catalog and schema; with a
 * relation it only asks for a transaction over that.
 */

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

public final class Marts extends Asking {
    private static final String ONE_HOUR = " FROM (SELECT * FROM lmp_hourly ORDER BY iso, node_id, hour LIMIT 1) AS t";
    private static final String ONE_DAY = " FROM (SELECT * FROM node_daily ORDER BY day, iso, node_id LIMIT 1) AS t";
    private static final List<String> WRONG = List.of(
            "SELECT nope FROM lmp_hourly", "SELECT * FROM nope", "SELECT * FROM nope.nope", "SELECT n / 0 FROM lmp_hourly",
            "SELECT CAST(iso AS integer) FROM lmp_hourly", "SELECT iso + n FROM lmp_hourly", "SELECT foo(iso) FROM lmp_hourly",
            "SELECT iso FROM lmp_hourly GROUP BY node_id", "SELEC iso FROM lmp_hourly",
            "SELECT CAST(n * 1000 AS tinyint) FROM lmp_hourly", "SELECT hourly_lmp[100] FROM node_daily");

    public static void main(String[] arguments) throws Exception {
        start(arguments);
        if (arguments.length > 2) {
            Transactions.none(arguments[2]);
            return;
        }
        try (Connection connection = connect()) {
            objects(connection.getMetaData(), connection.getCatalog(), connection.getSchema());
            Values.types(connection, Values.VALUES, ONE_HOUR);
            Values.types(connection, List.of("iso", "hour", "avg_lmp", "n", "hour + INTERVAL '90' MINUTE", "date(hour)"), ONE_HOUR);
            Values.types(connection, List.of("day", "p95_lmp", "peak_hour", "negative_intervals", "hourly_lmp", "hourly_lmp[1]"), ONE_DAY);
            Statements.errors(connection, WRONG);
            Values.big(connection, "SELECT iso, node_id, hour, avg_lmp FROM (SELECT * FROM lmp_hourly "
                    + "UNION ALL SELECT * FROM lmp_hourly) AS t ORDER BY hour, node_id");
            Statements.timeout(connection, Statements.slow("lmp_hourly", "avg_lmp"));
            Statements.cancel("", connection, Statements.slow("lmp_hourly", "avg_lmp"));
        }
        for (String explicit : List.of("true", "false")) {
            try (Connection connection = connect("explicitPrepare", explicit)) {
                prepared(connection, "explicitPrepare=" + explicit);
            }
        }
        Transactions.none("lmp_hourly");
        System.exit(0); // whatever the driver's threads still wait for
    }

    private static void objects(DatabaseMetaData meta, String catalog, String schema) {
        table("schemas", () -> meta.getSchemas(catalog, "%"));
        table("tables", () -> meta.getTables(catalog, schema, "%", null));
        table("views", () -> meta.getTables(catalog, schema, "%", new String[] {"VIEW"}));
        table("columns", () -> meta.getColumns(catalog, schema, "%", "%"));
        table("columns like", () -> meta.getColumns(catalog, "mar%", "lmp\\_hourly", "%\\_lmp"));
        table("primary keys", () -> meta.getPrimaryKeys(catalog, schema, "lmp_hourly"));
        table("indexes", () -> meta.getIndexInfo(catalog, schema, "lmp_hourly", false, true));
        table("functions", () -> meta.getFunctions(catalog, schema, "%"));
        table("procedures", () -> meta.getProcedures(catalog, schema, "%"));
    }

    private static void prepared(Connection connection, String how) {
        ask(how + " twice", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT iso, count(*), sum(avg_lmp), max(hour) FROM lmp_hourly "
                            + "WHERE iso = ? AND hour >= ? AND avg_lmp > ? AND n > ? GROUP BY iso")) {
                List<Object> answers = new ArrayList<>();
                for (String iso : List.of("CAISO", "MISO", "' OR ''='")) {
                    statement.setString(1, iso);
                    statement.setTimestamp(2, Timestamp.valueOf("2026-03-08 00:00:00"));
                    statement.setDouble(3, -1.5);
                    statement.setLong(4, 0);
                    answers.add(dump(statement.executeQuery()));
                }
                return answers;
            }
        });
        ask(how + " described", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT count(*) AS n, max(avg_lmp) AS p, max(hour) AS h FROM lmp_hourly WHERE iso = ?")) {
                return columns(statement.getMetaData());
            }
        });
        ask(how + " in lists and limits", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT DISTINCT iso FROM lmp_hourly WHERE iso IN (?, ?) ORDER BY iso OFFSET ? LIMIT ?")) {
                statement.setString(1, "SPP");
                statement.setString(2, "CAISO");
                statement.setLong(3, 1);
                statement.setLong(4, 5);
                return dump(statement.executeQuery());
            }
        });
        ask(how + " without a value", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT n FROM lmp_hourly WHERE iso = ?")) {
                return dump(statement.executeQuery());
            }
        });
    }
}
