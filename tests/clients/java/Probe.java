/*
 * What a tool asks of the JDBC driver, as one program. Run it as
 * `java -cp trino-jdbc.jar Probe.java URL USER SCHEMA [RELATION]`; with a relation it only reads that.
 */

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;

public final class Probe extends Asking {
    private static final String PRICES =
            "SELECT iso, node_id, interval_start_time, lmp_price FROM iceberg.curated.lmp_prices ORDER BY interval_start_time, node_id";

    public static void main(String[] arguments) throws Exception {
        start(arguments);
        if (arguments.length > 3) {
            policed(arguments[3]);
            return;
        }
        String schema = arguments[2];
        try (Connection connection = connect()) {
            Metadata.connection(connection);
            Metadata.abilities(connection.getMetaData());
            Metadata.objects(connection.getMetaData());
            Values.types(connection, Values.VALUES, "");
            Values.unknownKinds(connection);
            Statements.errors(connection, Statements.WRONG);
            Statements.updates(connection, schema);
            Values.big(connection, PRICES);
            Statements.timeout(connection, Statements.SLOW);
            Statements.cancel("", connection, Statements.SLOW);
        }
        for (String explicit : List.of("true", "false")) {
            try (Connection connection = connect("explicitPrepare", explicit)) {
                Prepared.all(connection, "explicitPrepare=" + explicit, schema);
            }
        }
        Sessions.state();
        Transactions.all("iceberg.curated.iso_node_mapping", schema + ".in_transaction");
        System.exit(0); // whatever the driver's threads still wait for
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
    }}
