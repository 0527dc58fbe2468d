// What a program asks of the Go driver: each question is printed with its answer as a line of JSON, so that the
// answers of two servers can be compared. Run it with the arguments URL USER SCHEMA [RELATION]; with a relation it only
// reads that.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/trinodb/trino-go-client/trino"
)

const slow = "SELECT count(*) FROM iceberg.curated.lmp_prices a CROSS JOIN iceberg.curated.lmp_prices b " +
	"WHERE a.lmp_price * b.lmp_price > 1e9"

var values = []string{
	"true", "TINYINT '1'", "SMALLINT '-2'", "3", "BIGINT '9007199254740993'", "REAL '1.5'", "2.5e0", "nan()",
	"infinity()", "DECIMAL '1.50'", "DECIMAL '12345678901234567890.0123456789'", "VARCHAR 'ä''s'",
	"CAST('ab' AS varchar(5))", "CAST('ab' AS char(4))", "X'00ff'", "DATE '2026-03-08'", "TIME '01:02:03.123456'",
	"TIMESTAMP '2026-03-08 01:02:03'", "TIMESTAMP '2026-03-08 01:02:03.123456'",
	"TIMESTAMP '2026-03-08 01:02:03.123 America/Los_Angeles'", "INTERVAL '3' DAY", "INTERVAL '14' MONTH",
	"JSON '{\"a\": [1, null]}'", "UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'", "ARRAY[1, NULL, 3]",
	"ARRAY[ARRAY['a'], ARRAY[]]", "MAP(ARRAY['k'], ARRAY[DECIMAL '1.5'])",
	"CAST(ROW(1, DATE '2026-01-01') AS ROW(a int, b date))", "NULL", "CAST(NULL AS timestamp(3) with time zone)",
}

var wrong = []string{
	"SELECT nope FROM iceberg.trading.trades", "SELECT * FROM iceberg.trading.nope", "SELECT * FROM nope.x.y", "SELEC 1",
	"SELECT 1 / 0", "SELECT foo(1)", "EXECUTE nope", "USE iceberg.nope", "SHOW TABLES FROM iceberg.nope",
}

func main() {
	address, user, schema := os.Args[1], os.Args[2], os.Args[3]
	db := open(address, user)
	defer db.Close()
	if len(os.Args) > 4 {
		policed(db, os.Args[4])
		return
	}
	ask("ping", func() (any, error) { return true, db.Ping() })
	for _, value := range values {
		ask("value "+value, func() (any, error) { return dump(db.Query("SELECT " + value + " AS v")) })
	}
	for _, statement := range wrong {
		ask("error of "+statement, func() (any, error) { return dump(db.Query(statement)) })
	}
	metadata(db)
	prepared(db)
	nested(db)
	updates(db, schema)
	session(address, user)
	ask("100,000 rows", func() (any, error) { return big(db) })
	ask("cancel", func() (any, error) { return cancel(db) })
	ask("timeout", func() (any, error) {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		return dump(db.QueryContext(ctx, slow))
	})
	ask("after the cancel", func() (any, error) { return dump(db.Query("SELECT 1")) })
}

func open(address, user string, more ...string) *sql.DB {
	where, err := url.Parse(address)
	check(err)
	where.User = url.User(user)
	query := url.Values{"catalog": {"iceberg"}, "schema": {"trading"}, "source": {"probe"}, "timezone": {"UTC"}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	where.RawQuery = query.Encode()
	db, err := sql.Open("trino", where.String())
	check(err)
	return db
}

func metadata(db *sql.DB) {
	for _, statement := range []string{
		"SHOW SCHEMAS FROM iceberg LIKE 'cur%'", "SHOW TABLES FROM iceberg.trading", "DESCRIBE iceberg.trading.trades",
		"SELECT table_name, column_name, data_type, is_nullable FROM iceberg.information_schema.columns " +
			"WHERE table_schema = 'curated' ORDER BY table_name, ordinal_position",
		"SHOW CATALOGS LIKE 'ice%'",
	} {
		ask(statement, func() (any, error) { return dump(db.Query(statement)) })
	}
}

func prepared(db *sql.DB) {
	ask("parameters", func() (any, error) {
		return dump(db.Query("SELECT ?, ?, ?, ?, ?, ?, ?", int64(9007199254740993), "it's ? ä", true,
			trino.Numeric("1.50"), time.Date(2026, 3, 8, 1, 2, 3, 456000000, time.UTC), []byte{0, 255}, nil))
	})
	ask("prepared twice", func() (any, error) {
		statement, err := db.Prepare("SELECT desk, count(*) FROM trades WHERE desk = ? GROUP BY desk")
		if err != nil {
			return nil, err
		}
		defer statement.Close()
		var answers []any
		for _, desk := range []string{"CAISO", "MISO", "' OR ''='"} {
			answer, err := dump(statement.Query(desk))
			if err != nil {
				return nil, err
			}
			answers = append(answers, answer)
		}
		return answers, nil
	})
	ask("a parameter too few", func() (any, error) { return dump(db.Query("SELECT ?, ?", 1)) })
	ask("an error in a prepared statement", func() (any, error) {
		return dump(db.Query("SELECT nope FROM trades WHERE desk = ?", "CAISO"))
	})
}

func nested(db *sql.DB) {
	ask("typed", func() (any, error) {
		var list trino.NullSlice[sql.NullString]
		var at trino.NullTime
		var number sql.NullInt64
		err := db.QueryRow("SELECT ARRAY['a', NULL], TIMESTAMP '2026-03-08 01:02:03.123', CAST(NULL AS bigint)").
			Scan(&list, &at, &number)
		return fmt.Sprint(list, at, number), err
	})
}

func updates(db *sql.DB, schema string) {
	name := schema + ".go_probe"
	for _, statement := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + schema, "DROP TABLE IF EXISTS " + name, "CREATE TABLE " + name + " (a bigint, b varchar)",
		"INSERT INTO " + name + " VALUES (1, 'x'), (2, 'y')", "UPDATE " + name + " SET b = 'z' WHERE a = 2",
		"DELETE FROM " + name + " WHERE a = 1",
	} {
		ask(statement, func() (any, error) { return affected(db.Exec(statement)) })
	}
	ask("insert of parameters", func() (any, error) {
		return affected(db.Exec("INSERT INTO "+name+" VALUES (?, ?)", int64(3), "w"))
	})
	ask("what was written", func() (any, error) { return dump(db.Query("SELECT * FROM " + name + " ORDER BY a")) })
	ask("drop", func() (any, error) { return affected(db.Exec("DROP TABLE " + name)) })
}

func affected(result sql.Result, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return result.RowsAffected()
}

func session(address, user string) {
	db := open(address, user, "session_properties", "query_max_run_time:10m", "explicitPrepare", "false")
	defer db.Close()
	db.SetMaxOpenConns(1)
	ask("session property", func() (any, error) {
		var name, value, rest string
		err := db.QueryRow("SHOW SESSION LIKE 'query_max_run_time'").Scan(&name, &value, &rest, &rest, &rest)
		return value, err
	})
	ask("without explicit PREPARE", func() (any, error) { return dump(db.Query("SELECT ? + 1", int64(41))) })
	ask("use", func() (any, error) {
		connection, err := db.Conn(context.Background())
		if err != nil {
			return nil, err
		}
		defer connection.Close()
		if _, err := connection.ExecContext(context.Background(), "USE iceberg.curated"); err != nil {
			return nil, err
		}
		return dump(connection.QueryContext(context.Background(), "SELECT current_catalog, current_schema"))
	})
}

func big(db *sql.DB) (any, error) {
	rows, err := db.Query("SELECT iso, node_id, interval_start_time, lmp_price FROM iceberg.curated.lmp_prices " +
		"ORDER BY interval_start_time, node_id LIMIT 100000")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	count, sum := 0, uint64(0)
	for rows.Next() {
		var iso, node, price string
		var at time.Time
		if err := rows.Scan(&iso, &node, &at, &price); err != nil {
			return nil, err
		}
		hash := fnv.New32a()
		fmt.Fprint(hash, iso, node, at.UTC(), price)
		count++
		sum += uint64(hash.Sum32())
	}
	return []any{count, fmt.Sprint(sum)}, rows.Err()
}

type watcher struct {
	once sync.Once
	stop context.CancelFunc
}

// Update cancels as soon as the server says that the query runs.
func (w *watcher) Update(info trino.QueryProgressInfo) {
	if info.QueryStats.State == "RUNNING" {
		w.once.Do(w.stop)
	}
}

func cancel(db *sql.DB) (any, error) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	return dump(db.QueryContext(ctx, slow,
		sql.Named("X-Trino-Progress-Callback", &watcher{stop: stop}),
		sql.Named("X-Trino-Progress-Callback-Period", 10*time.Millisecond)))
}

func policed(db *sql.DB, trades string) {
	ask("count", func() (any, error) { return dump(db.Query("SELECT count(*) FROM " + trades)) })
	ask("rows", func() (any, error) { return dump(db.Query("SELECT * FROM " + trades + " ORDER BY trade_id LIMIT 500")) })
	for _, desk := range []string{"CAISO", "MISO"} {
		ask("prepared "+desk, func() (any, error) {
			return dump(db.Query("SELECT count(*), max(qty_mwh) FROM "+trades+" WHERE desk = ?", desk))
		})
	}
}

func dump(rows *sql.Rows, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	var columns []string
	for _, each := range types {
		length, _ := each.Length()
		precision, scale, _ := each.DecimalSize()
		nullable, _ := each.Nullable()
		columns = append(columns, fmt.Sprint(each.Name(), each.DatabaseTypeName(), each.ScanType(), length, precision, scale, nullable))
	}
	found := []any{}
	for rows.Next() {
		row := make([]any, len(types))
		places := make([]any, len(types))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		var texts []string
		for _, value := range row {
			texts = append(texts, fmt.Sprintf("%T %v", value, value))
		}
		found = append(found, texts)
	}
	return []any{columns, found}, rows.Err()
}

func ask(question string, answer func() (any, error)) {
	value, err := answer()
	if err != nil {
		value = told(err)
	}
	line, err := json.Marshal(map[string]any{"question": question, "answer": value})
	check(err)
	fmt.Println(string(line))
}

func told(err error) any {
	var refused *trino.ErrTrino
	if errors.As(err, &refused) {
		return []any{refused.ErrorName, refused.ErrorCode, refused.ErrorType, refused.SqlState, refused.Message,
			refused.ErrorLocation.LineNumber, refused.ErrorLocation.ColumnNumber}
	}
	return strings.ReplaceAll(fmt.Sprintf("%T %v", err, err), "\n", " ")
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
