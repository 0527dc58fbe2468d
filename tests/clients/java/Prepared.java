/* Statements with parameters. */

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;

final class Prepared extends Asking {
    static void all(Connection connection, String how, String schema) {
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
}
