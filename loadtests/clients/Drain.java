/*
 * Read a statement's rows by the JDBC driver, from two servers in turns, and print each run as
 * `SERVER SECONDS ROWS`. Run it as `java -cp trino-jdbc.jar Drain.java DIRECT_URL GATEWAY_URL USER ROUNDS WARM_UP SQL`.
 */

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;

public class Drain {
    public static void main(String[] arguments) throws SQLException {
        String user = arguments[2];
        int rounds = Integer.parseInt(arguments[3]);
        try (Connection near = DriverManager.getConnection(arguments[0], user, null);
                Connection far = DriverManager.getConnection(arguments[1], user, null)) {
            drain(near, arguments[4]);
            drain(far, arguments[4]);
            for (int round = 0; round < rounds; round++) {
                // Who goes first changes from round to round, so that a drift of the machine favours nobody.
                if (round % 2 == 0) {
                    print("direct", near, arguments[5]);
                    print("through", far, arguments[5]);
                } else {
                    print("through", far, arguments[5]);
                    print("direct", near, arguments[5]);
                }
            }
        }
        System.exit(0); // whatever the driver's threads still wait for
    }

    private static void print(String name, Connection connection, String sql) throws SQLException {
        long begun = System.nanoTime();
        long rows = drain(connection, sql);
        System.out.printf(Locale.ROOT, "%s %.4f %d%n", name, (System.nanoTime() - begun) / 1e9, rows);
    }

    private static long drain(Connection connection, String sql) throws SQLException {
        long rows = 0;
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            int columns = result.getMetaData().getColumnCount();
            while (result.next()) {
                for (int column = 1; column <= columns; column++) {
                    result.getObject(column);
                }
                rows++;
            }
        }
        return rows;
    }
}
