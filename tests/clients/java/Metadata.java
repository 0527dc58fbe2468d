/* What the driver tells of the server, and of the objects in it: every method of DatabaseMetaData. */

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.util.Arrays;
import java.util.Comparator;

final class Metadata extends Asking {
    /** Ask every method that takes no argument and gives no rows: limits, abilities, words, versions. */
    static void abilities(DatabaseMetaData meta) {
        Arrays.stream(DatabaseMetaData.class.getDeclaredMethods())
                .filter(method -> method.getParameterCount() == 0)
                .filter(method -> !ResultSet.class.isAssignableFrom(method.getReturnType()))
                .filter(method -> method.getReturnType() != Connection.class)
                .sorted(Comparator.comparing(Method::getName))
                .forEach(method -> ask("ability " + method.getName(), () -> call(meta, method)));
    }

    private static Object call(DatabaseMetaData meta, Method method) throws Exception {
        try {
            return method.invoke(meta);
        } catch (InvocationTargetException error) {
            throw error.getCause() instanceof Exception cause ? cause : error;
        }
    }

    static void connection(Connection connection) {
        ask("product name", () -> connection.getMetaData().getDatabaseProductName());
        ask("product version", () -> connection.getMetaData().getDatabaseProductVersion());
        ask("user name", () -> connection.getMetaData().getUserName());
        ask("read only", () -> connection.isReadOnly());
        ask("isolation", () -> connection.getTransactionIsolation());
        ask("keywords", () -> connection.getMetaData().getSQLKeywords());
        ask("functions of numbers", () -> connection.getMetaData().getNumericFunctions());
        ask("valid", () -> connection.isValid(10));
        ask("validated by HEAD", () -> {
            try (Connection validated = connect("validateConnection", "true")) {
                return validated.isValid(10);
            }
        });
    }

    static void objects(DatabaseMetaData meta) {
        table("catalogs", () -> meta.getCatalogs());
        table("schemas", () -> meta.getSchemas("iceberg", null));
        table("schemas like", () -> meta.getSchemas("iceberg", "cur%"));
        table("schemas of nothing", () -> meta.getSchemas("nope", "%"));
        table("tables", () -> meta.getTables("iceberg", "trading", "%", null));
        table("tables escaped", () -> meta.getTables("iceberg", "curated", "lmp\\_prices", new String[] {"TABLE"}));
        table("views", () -> meta.getTables("iceberg", "curated", null, new String[] {"VIEW"}));
        table("system tables", () -> meta.getTables("iceberg", "curated", null, new String[] {"SYSTEM TABLE"}));
        table("tables of nothing", () -> meta.getTables("iceberg", "nope", "%", null));
        table("columns", () -> meta.getColumns("iceberg", "trading", "trades", null));
        table("columns of all", () -> meta.getColumns("iceberg", "curated", "%", "%"));
        table("columns like", () -> meta.getColumns("iceberg", "curated", "lmp\\_prices", "lmp%"));
        table("table types", () -> meta.getTableTypes());
        table("types", () -> meta.getTypeInfo());
        table("primary keys", () -> meta.getPrimaryKeys("iceberg", "trading", "trades"));
        table("imported keys", () -> meta.getImportedKeys("iceberg", "trading", "trades"));
        table("exported keys", () -> meta.getExportedKeys("iceberg", "trading", "trades"));
        table("cross reference", () -> meta.getCrossReference("iceberg", "a", "b", "iceberg", "c", "d"));
        table("indexes", () -> meta.getIndexInfo("iceberg", "trading", "trades", false, true));
        table("row identifier", () -> meta.getBestRowIdentifier("iceberg", "trading", "trades", 0, true));
        table("version columns", () -> meta.getVersionColumns("iceberg", "trading", "trades"));
        table("procedures", () -> meta.getProcedures("iceberg", null, null));
        table("procedure columns", () -> meta.getProcedureColumns("iceberg", null, null, null));
        table("functions", () -> meta.getFunctions("iceberg", null, null));
        table("function columns", () -> meta.getFunctionColumns("iceberg", null, null, null));
        table("pseudo columns", () -> meta.getPseudoColumns("iceberg", null, null, null));
        table("own types", () -> meta.getUDTs("iceberg", null, null, null));
        table("super types", () -> meta.getSuperTypes("iceberg", null, null));
        table("super tables", () -> meta.getSuperTables("iceberg", null, null));
        table("attributes", () -> meta.getAttributes("iceberg", null, null, null));
        table("column privileges", () -> meta.getColumnPrivileges("iceberg", "trading", "trades", null));
        table("table privileges", () -> meta.getTablePrivileges("iceberg", "trading", "trades"));
        table("client info", () -> meta.getClientInfoProperties());
    }
}
