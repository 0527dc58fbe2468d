/*
 * What DBeaver does with the driver, in its order: connect, look around, open a table, edit a row, run and stop a query.
 * Run it by Tools.java. docs/clients.md tells the sequence in words.
 */

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

final class Dbeaver extends Asking {
    private static final String ALL = "%";

    static void all(String catalog, String sandbox) throws SQLException {
        try (Connection connection = connect()) {
            open(connection);
            browse(connection.getMetaData(), catalog);
            objectOf(connection, catalog, "curated", "iso_node_mapping");
            objectOf(connection, catalog, "trading", "traders");
            data(connection, catalog + ".curated.iso_node_mapping", "node_id", "iso = 'CAISO'");
            data(connection, catalog + ".curated.lmp_prices", "interval_start_time", "iso LIKE '%SO' AND lmp_price IS NOT NULL");
            editor(connection, catalog);
            edit(connection, sandbox + ".dbeaver_edit");
            view(connection, sandbox);
            Statements.cancel("DBeaver: ", connection, Statements.SLOW);
        }
    }

    /** The pure looking: what may be asked for somebody who may see little. */
    static void look(String catalog) throws SQLException {
        try (Connection connection = connect()) {
            open(connection);
            browse(connection.getMetaData(), catalog);
            objectOf(connection, catalog, "trading", "traders");
            data(connection, catalog + ".trading.traders", "trader_id", "desk = 'CAISO'");
        }
    }

    private static void open(Connection connection) throws SQLException {
        ask("DBeaver: application name", () -> {
            try (ResultSet names = connection.getMetaData().getClientInfoProperties()) {
                while (names.next()) {
                    if (names.getString("NAME").equals("ApplicationName")) {
                        connection.setClientInfo("ApplicationName", "DBeaver 26.0.0 - Main");
                    }
                }
            }
            return connection.getClientInfo("ApplicationName");
        });
        ask("DBeaver: defaults", () -> {
            connection.setAutoCommit(true);
            return List.of(connection.getAutoCommit(), connection.isValid(5), String.valueOf(connection.getCatalog()));
        });
        DatabaseMetaData meta = connection.getMetaData();
        ask("DBeaver: server", () -> List.of(meta.isReadOnly(), meta.getDatabaseProductName(), meta.getDatabaseProductVersion(),
                meta.getDriverName(), meta.getDriverVersion(), meta.getDatabaseMajorVersion(), meta.getDatabaseMinorVersion(),
                meta.getSchemaTerm(), meta.getProcedureTerm(), meta.getCatalogTerm(), meta.supportsBatchUpdates(),
                meta.supportsTransactions(), meta.supportsTransactionIsolationLevel(Connection.TRANSACTION_READ_COMMITTED)));
        ask("DBeaver: dialect", () -> List.of(meta.getIdentifierQuoteString(), meta.getSQLStateType(), meta.getSearchStringEscape(),
                meta.getCatalogSeparator(), meta.supportsMixedCaseIdentifiers(), meta.storesLowerCaseIdentifiers(),
                meta.supportsCatalogsInDataManipulation(), meta.getExtraNameCharacters(), meta.isCatalogAtStart(),
                meta.getSQLKeywords(), meta.getNumericFunctions(), meta.getStringFunctions(), meta.getSystemFunctions(),
                meta.getTimeDateFunctions()));
        table("DBeaver: table types", () -> meta.getTableTypes());
        table("DBeaver: types", () -> meta.getTypeInfo());
    }

    private static void browse(DatabaseMetaData meta, String catalog) {
        table("DBeaver: catalogs", () -> meta.getCatalogs());
        table("DBeaver: schemas", () -> meta.getSchemas(catalog, ALL));
        for (String schema : List.of("curated", "trading")) {
            table("DBeaver: tables of " + schema, () -> meta.getTables(catalog, schema, ALL, null));
            table("DBeaver: columns of " + schema, () -> meta.getColumns(catalog, schema, ALL, ALL));
            table("DBeaver: functions of " + schema, () -> meta.getFunctions(catalog, schema, ALL));
            table("DBeaver: procedures of " + schema, () -> meta.getProcedures(catalog, schema, ALL));
        }
        table("DBeaver: search for tables", () -> meta.getTables(catalog, null, "%trade%", null));
        table("DBeaver: search for procedures", () -> meta.getProcedures(catalog, null, "%trade%"));
    }

    private static void objectOf(Connection connection, String catalog, String schema, String name) throws SQLException {
        DatabaseMetaData meta = connection.getMetaData();
        String escaped = name.replace("_", meta.getSearchStringEscape() + "_");
        table("DBeaver: table " + name, () -> meta.getTables(catalog, schema, escaped, null));
        table("DBeaver: columns of " + name, () -> meta.getColumns(catalog, schema, escaped, ALL));
        table("DBeaver: primary keys of " + name, () -> meta.getPrimaryKeys(catalog, schema, name));
        table("DBeaver: indexes of " + name, () -> meta.getIndexInfo(catalog, schema, name, false, true));
        table("DBeaver: imported keys of " + name, () -> meta.getImportedKeys(catalog, schema, name));
        table("DBeaver: exported keys of " + name, () -> meta.getExportedKeys(catalog, schema, name));
        ask("DBeaver: source of " + name, () -> prepared(connection, "SHOW CREATE TABLE " + catalog + "." + schema + "." + name));
    }

    /** The data tab: how many rows there are, the first of them, sorted and filtered ones. */
    private static void data(Connection connection, String relation, String column, String filter) {
        ask("DBeaver: rows of " + relation, () -> prepared(connection, "SELECT COUNT(*) FROM " + relation));
        ask("DBeaver: first rows of " + relation, () -> shape(connection, "SELECT x.* FROM " + relation + " x\nLIMIT 200"));
        String sorted = "SELECT x.* FROM " + relation + " x\nWHERE " + filter + "\nORDER BY x." + column + " DESC, 1, 2, 4";
        ask("DBeaver: sorted rows of " + relation, () -> limited(connection, sorted));
        ask("DBeaver: filtered count of " + relation,
                () -> prepared(connection, "SELECT COUNT(*) FROM " + relation + "\nWHERE " + filter));
    }

    private static void editor(Connection connection, String catalog) {
        ask("DBeaver: active schema", () -> {
            connection.setCatalog(catalog);
            connection.setSchema("trading");
            return List.of(connection.getCatalog(), connection.getSchema(), first(connection, "SELECT current_schema"));
        });
        String query = "SELECT desk, side, sum(qty_mwh) AS total FROM trades GROUP BY desk, side ORDER BY desk, side";
        ask("DBeaver: query", () -> limited(connection, query));
        ask("DBeaver: rows of the query", () -> run(connection, "SELECT COUNT(*) FROM (\n" + query + "\n) dbvrcnt"));
        ask("DBeaver: error", () -> run(connection, "SELECT\n  desk,\n  nope\nFROM trades"));
        ask("DBeaver: syntax error", () -> run(connection, "SELECT desk FORM trades x"));
        ask("DBeaver: plan", () -> ((List<?>) run(connection, "EXPLAIN (TYPE VALIDATE) " + query)).size());
        ask("DBeaver: parameter", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT count(*) FROM trades WHERE desk = ?")) {
                statement.setString(1, "CAISO");
                return statement.execute() ? dump(statement.getResultSet()) : statement.getUpdateCount();
            }
        });
    }

    /** Rows changed in the grid: prepared statements with a condition on every column. */
    private static void edit(Connection connection, String name) {
        ask("DBeaver: edit", () -> {
            List<Object> answers = new ArrayList<>();
            run(connection, "CREATE SCHEMA IF NOT EXISTS " + name.substring(0, name.lastIndexOf('.')));
            run(connection, "DROP TABLE IF EXISTS " + name);
            run(connection, "CREATE TABLE " + name + " (\n\ta bigint,\n\tb varchar\n)");
            answers.add(change(connection, "INSERT INTO " + name + " (a, b) VALUES(?, ?)", 1L, "x"));
            answers.add(change(connection, "UPDATE " + name + " SET b=? WHERE a=? AND b=?", "y", 1L, "x"));
            answers.add(run(connection, "SELECT x.* FROM " + name + " x"));
            answers.add(change(connection, "DELETE FROM " + name + " WHERE a=? AND b=?", 1L, "y"));
            answers.add(run(connection, "SELECT COUNT(*) FROM " + name));
            run(connection, "DROP TABLE " + name);
            return answers;
        });
    }

    private static void view(Connection connection, String sandbox) {
        String name = sandbox + ".dbeaver_view";
        ask("DBeaver: source of a view", () -> {
            run(connection, "CREATE OR REPLACE VIEW " + name + " SECURITY INVOKER AS SELECT node_id FROM iceberg.curated.iso_node_mapping");
            try {
                return prepared(connection, "SHOW CREATE VIEW " + name);
            } finally {
                run(connection, "DROP VIEW " + name);
            }
        });
    }

    private static Object prepared(Connection connection, String sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            return dump(statement.executeQuery());
        }
    }

    /** Run a query as the grid does: so many rows and no more, by the driver's own limit. */
    private static Object limited(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
            statement.setMaxRows(200);
            statement.setFetchSize(200);
            return statement.execute(sql) ? dump(statement.getResultSet()) : statement.getUpdateCount();
        }
    }

    private static Object shape(Connection connection, String sql) throws SQLException {
        List<?> found = (List<?>) limited(connection, sql);
        return List.of(found.get(0), ((List<?>) found.get(1)).size());
    }

    private static int change(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            return statement.executeUpdate();
        }
    }
}
