/* What a connection keeps between statements. */

import io.trino.jdbc.TrinoConnection;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

final class Sessions extends Asking {
    static void state() throws SQLException {
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
}
