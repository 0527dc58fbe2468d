/* Statements without parameters: what fails, what writes, what is stopped. */

import io.trino.jdbc.TrinoStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

final class Statements extends Asking {
    static final List<String> WRONG = List.of(
            "SELECT nope FROM iceberg.trading.trades", "SELECT * FROM iceberg.trading.nope", "SELECT * FROM nope.x.y",
            "SELECT * FROM iceberg.nope.y", "SELEC 1", "SELECT 1;", "SELECT 1 / 0", "SELECT foo(1)", "SELECT 'a' + 1",
            "SELECT CAST('x' AS integer)", "SELECT a FROM (VALUES 1) AS t(a) GROUP BY 2", "EXECUTE nope",
            "SELECT TINYINT '127' + TINYINT '1'", "", "USE iceberg.nope", "SET SESSION nope = 1",
            "SELECT count(*) FROM (VALUES 1) AS t(a) WHERE a = 'x'", "SHOW TABLES FROM iceberg.nope");
    static final String SLOW = slow("iceberg.curated.lmp_prices", "lmp_price");

    /** Make a query over a relation that takes longer than any test. */
    static String slow(String relation, String number) {
        return "SELECT count(*) FROM %1$s a CROSS JOIN %1$s b CROSS JOIN %1$s c WHERE a.%2$s * b.%2$s + c.%2$s > 1000000000"
                .formatted(relation, number);
    }

    static void errors(Connection connection, List<String> wrong) {
        wrong.forEach(sql -> ask("error of " + sql, () -> run(connection, sql)));
    }

    static void updates(Connection connection, String schema) {
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

    static void timeout(Connection connection, String slow) {
        ask("timeout", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(1);
                return dump(statement.executeQuery(slow));
            }
        });
    }

    /**
     * Cancel as soon as the server says that it runs: what a tool's Stop button does.
     *
     * The thread that reads is not waited for without limit: this version of the driver sometimes leaves it waiting
     * for a page that nobody fetches any more, whatever the server does.
     */
    static void cancel(String how, Connection connection, String slow) {
        ask(how + "cancel", () -> {
            CountDownLatch started = new CountDownLatch(1);
            Statement statement = connection.createStatement();
            statement.unwrap(TrinoStatement.class).setProgressMonitor(stats -> {
                if (stats.getState().equals("RUNNING")) {
                    started.countDown();
                }
            });
            List<Object> ended = new CopyOnWriteArrayList<>();
            Thread reader = Thread.ofPlatform().daemon().start(() -> ended.add(attempt(() -> dump(statement.executeQuery(slow)))));
            boolean ran = started.await(60, TimeUnit.SECONDS);
            statement.cancel();
            reader.join(5_000);
            boolean read = !ended.isEmpty() && !(ended.get(0) instanceof Map); // rows where there should be an error
            return List.of(ran, read);
        });
        table(how + "after the cancel", () -> connection.createStatement().executeQuery("SELECT 1"));
    }
}
