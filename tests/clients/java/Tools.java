/*
 * What graphical tools ask of the JDBC driver by themselves. Run it as
 * `java -cp trino-jdbc.jar Tools.java URL USER SCHEMA`, where the schema is one to write to; or with `-` instead of the schema
 * to look only, and with `- SOMEBODY ...` to look for other users.
 */

import java.util.Arrays;

public final class Tools extends Asking {
    private static final String CATALOG = "iceberg";

    public static void main(String[] arguments) throws Exception {
        start(arguments);
        if (arguments[2].equals("-")) {
            if (arguments.length == 3) {
                Dbeaver.look(CATALOG);
            }
            for (String somebody : Arrays.copyOfRange(arguments, 3, arguments.length)) {
                Metabase.impersonated(CATALOG, somebody);
            }
        } else {
            Dbeaver.all(CATALOG, arguments[2]);
            Metabase.all(CATALOG, "true");
            Metabase.all(CATALOG, "false");
        }
        System.exit(0); // whatever the driver's threads still wait for
    }
}
