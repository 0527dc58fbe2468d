/*
 * Connections out of autocommit mode. Every result is read to its end: a result that is closed before is a query that
 * is cancelled, and on Trino that aborts the transaction.
 */

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

final class Transactions extends Asking {
    /** Ask what a tool does with the auto-commit switch off; each on a connection of its own. */
    static void all(String relation, String free) {
        ask("transaction", () -> within(connection -> {
            List<Object> answers = new ArrayList<>();
            answers.add(run(connection, "SELECT count(*) FROM " + relation));
            answers.add(run(connection, "SELECT 1"));
            connection.commit();
            answers.add(run(connection, "SELECT count(*) > 0 FROM " + relation));
            connection.rollback();
            return answers;
        }));
        ask("metadata in a transaction", () -> within(connection -> {
            List<Object> answers = new ArrayList<>();
            answers.add(dump(connection.getMetaData().getColumns(connection.getCatalog(), connection.getSchema(), "%", "%")));
            answers.add(run(connection, "SHOW COLUMNS FROM " + relation));
            connection.commit();
            return answers;
        }));
        ask("prepared in a transaction", () -> within(connection -> {
            try (var statement = connection.prepareStatement("SELECT count(*) FROM " + relation + " WHERE node_id = ?")) {
                statement.setString(1, "nope");
                Object answer = dump(statement.executeQuery());
                connection.commit();
                return answer;
            }
        }));
        ask("failure in a transaction", () -> within(connection -> {
            List<Object> answers = new ArrayList<>();
            answers.add(attempt(() -> run(connection, "SELECT nope FROM " + relation)));
            answers.add(attempt(() -> run(connection, "SELECT 1")));
            answers.add(attempt(() -> { connection.commit(); return "committed"; }));
            answers.add(attempt(() -> { connection.rollback(); return "rolled back"; }));
            answers.add(attempt(() -> run(connection, "SELECT 1")));
            return answers;
        }));
        ask("write in a transaction", () -> within(connection -> {
            List<Object> answers = new ArrayList<>();
            answers.add(attempt(() -> run(connection, "CREATE TABLE " + free + " (a integer)")));
            connection.rollback();
            return answers;
        }));
        ask("write where one reads only", () -> within(connection -> {
            connection.setReadOnly(true);
            Object answer = attempt(() -> run(connection, "CREATE TABLE " + free + " (a integer)"));
            connection.rollback();
            return List.of(connection.isReadOnly(), answer);
        }));
        for (int level : List.of(
                Connection.TRANSACTION_READ_UNCOMMITTED, Connection.TRANSACTION_READ_COMMITTED,
                Connection.TRANSACTION_REPEATABLE_READ, Connection.TRANSACTION_SERIALIZABLE)) {
            ask("isolation " + level, () -> within(connection -> {
                connection.setTransactionIsolation(level);
                Object answer = attempt(() -> run(connection, "SELECT count(*) > 0 FROM " + relation));
                connection.rollback();
                return List.of(connection.getTransactionIsolation(), answer);
            }));
        }
        ask("back to autocommit", () -> within(connection -> {
            List<Object> answers = new ArrayList<>();
            answers.add(run(connection, "SELECT count(*) > 0 FROM " + relation));
            connection.setAutoCommit(true);
            answers.add(run(connection, "SELECT count(*) > 0 FROM " + relation));
            answers.add(attempt(() -> { connection.commit(); return "committed"; }));
            return answers;
        }));
        ask("begun twice", () -> within(connection -> {
            List<Object> answers = new ArrayList<>();
            answers.add(attempt(() -> run(connection, "START TRANSACTION")));
            answers.add(attempt(() -> run(connection, "START TRANSACTION")));
            connection.rollback();
            return answers;
        }));
        ask("ended without a beginning", () -> {
            try (Connection connection = connect(); Statement statement = connection.createStatement()) {
                return List.of(
                        attempt(() -> statement.execute("COMMIT")), attempt(() -> statement.execute("ROLLBACK WORK")),
                        attempt(() -> { connection.rollback(); return "rolled back"; }));
            }
        });
    }

    /** Ask what the driver shows where there are no transactions. */
    static void none(String relation) {
        ask("no transaction", () -> within(connection -> {
            List<Object> answers = new ArrayList<>();
            answers.add(attempt(() -> run(connection, "SELECT count(*) FROM " + relation)));
            connection.setAutoCommit(true);
            answers.add(attempt(() -> run(connection, "SELECT count(*) > 0 FROM " + relation)));
            return answers;
        }));
    }

    private interface Work {
        Object with(Connection connection) throws SQLException;
    }

    private static Object within(Work work) throws SQLException {
        try (Connection connection = connect()) {
            connection.setAutoCommit(false);
            return work.with(connection);
        }
    }
}
