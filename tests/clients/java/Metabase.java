/*
 * What Metabase does with the driver, in its order: test the connection, synchronise the tables, ask questions by time
 * grain and by parameters, page, stop. Run it by Tools.java. docs/clients.md tells the sequence in words.
 */

import io.trino.jdbc.TrinoConnection;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.LocalDate;
import java.util.List;

final class Metabase extends Asking {
    private static final String REMARK = "-- Metabase:: userID: 1 queryType: MBQL queryHash: 4d2a accountID: 0c1b dashboardID: 2 cardID: 3\n";
    private static final String PRICES = "\"curated\".\"lmp_prices\"";
    private static final String AT = PRICES + ".\"interval_start_time\"";

    static void all(String catalog, String explicitPrepare) throws SQLException {
        String how = "Metabase, explicitPrepare=" + explicitPrepare + ": ";
        try (Connection connection = opened(explicitPrepare, null)) {
            if (explicitPrepare.equals("true")) { // the other way of preparing does not reach what is not prepared
                connected(how, connection);
                synchronise(how, connection, catalog);
                MetabaseGrains.ask(how, connection, AT, "FROM " + PRICES);
                Statements.cancel("Metabase: ", connection, REMARK + Statements.SLOW);
            }
            questions(how, connection);
        }
    }

    /** What somebody sees for whom the service account asks. */
    static void impersonated(String catalog, String somebody) throws SQLException {
        try (Connection connection = opened("true", somebody)) {
            table("as " + somebody + ": user", () -> query(connection, "SELECT current_user"));
            table("as " + somebody + ": tables", () -> query(connection, "SHOW TABLES FROM \"" + catalog + "\".\"trading\""));
            table("as " + somebody + ": trades", () -> query(connection, REMARK + "SELECT \"trading\".\"trades\".\"desk\" AS \"desk\", "
                    + "count(*) AS \"count\" FROM \"trading\".\"trades\" GROUP BY \"trading\".\"trades\".\"desk\" ORDER BY 1"));
        }
    }

    private static Connection opened(String explicitPrepare, String somebody) throws SQLException {
        Connection connection = connect(
                "source", "Metabase v1.60.0 [0c1b]", "explicitPrepare", explicitPrepare, "clientInfo", "impersonate:true");
        TrinoConnection own = connection.unwrap(TrinoConnection.class);
        DatabaseMetaData meta = connection.getMetaData();
        for (int level : List.of(Connection.TRANSACTION_READ_UNCOMMITTED, Connection.TRANSACTION_READ_COMMITTED)) {
            if (meta.supportsTransactionIsolationLevel(level)) {
                connection.setTransactionIsolation(level);
                break;
            }
        }
        own.setTimeZoneId("America/New_York");
        connection.setReadOnly(true);
        if (somebody != null) {
            own.setSessionUser(somebody);
        }
        return connection;
    }

    private static void connected(String how, Connection connection) throws SQLException {
        ask(how + "valid", () -> connection.isValid(10));
        table(how + "one", () -> query(connection, "SELECT 1"));
        table(how + "catalog", () -> query(connection, "SHOW CATALOGS LIKE 'ice%'"));
        ask(how + "version", () -> List.of(connection.getMetaData().getDatabaseProductName(),
                connection.getMetaData().getDatabaseProductVersion()));
        table(how + "time zone", () -> query(connection, "SELECT current_timezone() as \"time-zone\""));
    }

    private static void synchronise(String how, Connection connection, String catalog) {
        table(how + "schemas", () -> query(connection, "SHOW SCHEMAS FROM \"" + catalog + "\""));
        for (String name : List.of("curated.lmp_prices", "curated.iso_node_mapping", "trading.trades", "trading.nope")) {
            String schema = name.substring(0, name.indexOf('.'));
            String table = name.substring(name.indexOf('.') + 1);
            table(how + "tables of " + name, () -> query(connection, "SHOW TABLES FROM \"" + catalog + "\".\"" + schema + "\""));
            ask(how + "may read " + name, () -> prepared(connection, "SHOW TABLES FROM \"" + schema + "\" LIKE '" + table + "'"));
            table(how + "fields of " + name, () -> query(connection, "DESCRIBE \"" + catalog + "\".\"" + schema + "\".\"" + table + "\""));
        }
        ask(how + "sample", () -> ((List<?>) ((List<?>) prepared(connection, REMARK + "SELECT SUBSTRING(" + PRICES + ".\"iso\", 1, 1234) AS \"substring1\", "
                + PRICES + ".\"lmp_price\" AS \"lmp_price\", " + AT + " AS \"interval_start_time\" FROM " + PRICES + " LIMIT 10000")).get(1)).size());
        ask(how + "values of a field", () -> prepared(connection, REMARK + "SELECT " + PRICES + ".\"iso\" AS \"iso\" FROM " + PRICES
                + " GROUP BY " + PRICES + ".\"iso\" ORDER BY " + PRICES + ".\"iso\" ASC LIMIT 1001"));
        ask(how + "distinct values", () -> prepared(connection, REMARK + "SELECT COUNT(DISTINCT \"source\".\"x\") AS \"n\" FROM (SELECT SUBSTRING("
                + PRICES + ".\"node_id\", 1, 1234) AS \"x\" FROM " + PRICES + ") AS \"source\""));
    }

    private static void questions(String how, Connection connection) {
        ask(how + "filters", () -> prepared(connection, REMARK + "SELECT " + PRICES + ".\"iso\" AS \"iso\", AVG(" + PRICES + ".\"lmp_price\") AS \"avg\", "
                + "SUM(CASE WHEN " + PRICES + ".\"lmp_price\" < ? THEN 1.00 ELSE 0.00 END) AS \"negative\" FROM " + PRICES
                + " WHERE (" + AT + " >= CAST(? AS timestamp with time zone)) AND (" + AT + " < CAST(? AS timestamp with time zone)) AND (" + PRICES + ".\"node_id\" LIKE ?) AND (" + PRICES + ".\"iso\" IN (?, ?))"
                + " GROUP BY " + PRICES + ".\"iso\" ORDER BY " + PRICES + ".\"iso\" ASC LIMIT 2000",
                BigDecimal.ZERO, "2026-03-01 00:00:00.000 -05:00", "2026-03-09 00:00:00.000 -04:00",
                "%_001", "CAISO", "MISO"));
        ask(how + "date filter", () -> prepared(connection, REMARK + "SELECT COUNT(*) AS \"count\" FROM " + PRICES
                + " WHERE date(" + AT + " AT TIME ZONE 'America/New_York') = ?", LocalDate.of(2026, 3, 8)));
        ask(how + "moments", () -> prepared(connection, REMARK + "SELECT COUNT(*) AS \"count\" FROM " + PRICES + " WHERE " + AT + " >= ? AND "
                + AT + " < ?", Timestamp.valueOf("2026-03-01 00:00:00"), Timestamp.valueOf("2026-03-02 00:00:00")));
        ask(how + "native filter", () -> prepared(connection, "SELECT count(*) FROM " + PRICES
                + " WHERE interval_start_time BETWEEN from_iso8601_timestamp(?) AND from_iso8601_timestamp(?)",
                "2026-03-08T00:00:00-05:00", "2026-03-08T05:00:00-04:00"));
        ask(how + "relative dates", () -> prepared(connection, REMARK + "SELECT COUNT(*) AS \"count\" FROM " + PRICES + " WHERE " + AT
                + " >= CAST(date_trunc('month', date_add('month', -1200, now())) AS timestamp with time zone) AND " + AT + " < date_add('day', 1, now())"));
        ask(how + "joined", () -> prepared(connection, REMARK + "SELECT \"Iso Node Mapping\".\"hub_id\" AS \"Iso Node Mapping__hub_id\", COUNT(*) AS \"count\" FROM "
                + "\"trading\".\"trades\" LEFT JOIN (SELECT \"curated\".\"iso_node_mapping\".\"node_id\" AS \"node_id\", "
                + "\"curated\".\"iso_node_mapping\".\"hub_id\" AS \"hub_id\" FROM \"curated\".\"iso_node_mapping\") AS \"Iso Node Mapping\" "
                + "ON \"trading\".\"trades\".\"node_id\" = \"Iso Node Mapping\".\"node_id\" WHERE \"trading\".\"trades\".\"side\" = ? "
                + "GROUP BY \"Iso Node Mapping\".\"hub_id\" ORDER BY \"count\" DESC, \"Iso Node Mapping\".\"hub_id\" ASC", "BUY"));
        ask(how + "binned", () -> prepared(connection, REMARK + "SELECT ((FLOOR(((" + PRICES + ".\"lmp_price\" - -50.0) / 25.0)) * 25.0) + -50.0) AS \"lmp_price\", "
                + "COUNT(*) AS \"count\" FROM " + PRICES + " GROUP BY ((FLOOR(((" + PRICES + ".\"lmp_price\" - -50.0) / 25.0)) * 25.0) + -50.0) ORDER BY 1 ASC"));
        ask(how + "second page", () -> prepared(connection, REMARK + "SELECT \"node_id\" FROM (SELECT \"curated\".\"iso_node_mapping\".\"node_id\" AS \"node_id\", "
                + "row_number() OVER (ORDER BY \"curated\".\"iso_node_mapping\".\"node_id\" ASC) AS \"__rownum__\" FROM \"curated\".\"iso_node_mapping\") "
                + "WHERE \"__rownum__\" > 10 ORDER BY \"__rownum__\" LIMIT 5"));
        ask(how + "too many values", () -> prepared(connection, "SELECT 1 FROM " + PRICES + " WHERE iso = 'x'", "one too many"));
        ask(how + "error", () -> prepared(connection, REMARK + "SELECT " + PRICES + ".\"nope\" FROM " + PRICES + " WHERE iso = ?", "x"));
    }

    private static ResultSet query(Connection connection, String sql) throws SQLException {
        Statement statement = connection.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY);
        statement.setFetchDirection(ResultSet.FETCH_FORWARD);
        return statement.executeQuery(sql);
    }

    private static Object prepared(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql, ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
            statement.setFetchDirection(ResultSet.FETCH_FORWARD);
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            statement.setMaxRows(10_000);
            return dump(statement.executeQuery());
        }
    }
}
