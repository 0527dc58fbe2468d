// What a program asks of the JavaScript client: each question is printed with its answer as a line of JSON, so that the
// answers of two servers can be compared. Run it with the arguments URL USER SCHEMA [RELATION]; with a relation it only
// reads that.
import {createHash} from 'node:crypto';
import {BasicAuth, Trino} from 'trino-client';

const SLOW =
  'SELECT count(*) FROM iceberg.curated.lmp_prices a CROSS JOIN iceberg.curated.lmp_prices b ' +
  'WHERE a.lmp_price * b.lmp_price > 1e9';
const VALUES = [
  'true', "TINYINT '1'", '3', "BIGINT '9007199254740993'", "REAL '1.5'", '2.5e0', 'nan()', "DECIMAL '1.50'",
  "VARCHAR 'ä''s'", "CAST('ab' AS char(4))", "X'00ff'", "DATE '2026-03-08'", "TIME '01:02:03.123456'",
  "TIMESTAMP '2026-03-08 01:02:03.123456'", "TIMESTAMP '2026-03-08 01:02:03.123 America/Los_Angeles'",
  "INTERVAL '3' DAY", "INTERVAL '14' MONTH", 'JSON \'{"a": [1, null]}\'',
  "UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'", 'ARRAY[1, NULL, 3]', "MAP(ARRAY['k'], ARRAY[DECIMAL '1.5'])",
  "CAST(ROW(1, DATE '2026-01-01') AS ROW(a int, b date))", 'NULL',
];
const WRONG = [
  'SELECT nope FROM iceberg.trading.trades', 'SELECT * FROM iceberg.trading.nope', 'SELECT * FROM nope.x.y', 'SELEC 1',
  'SELECT 1 / 0', 'SELECT foo(1)', 'EXECUTE nope', 'USE iceberg.nope',
];
const METADATA = [
  "SHOW SCHEMAS FROM iceberg LIKE 'cur%'", 'SHOW TABLES FROM iceberg.trading', 'DESCRIBE iceberg.trading.trades',
  'SELECT table_name, column_name, data_type FROM iceberg.information_schema.columns ' +
    "WHERE table_schema = 'curated' ORDER BY table_name, ordinal_position",
];

const [server, user, schema, relation] = process.argv.slice(2);

function connect(more = {}) {
  return Trino.create({
    server, catalog: 'iceberg', schema: 'trading', auth: new BasicAuth(user), source: 'probe', ...more,
  });
}

/** Run a statement to its end and return columns, rows, what kind it was, and the error if there was one. */
async function run(trino, sql) {
  const answer = {columns: null, rows: [], update: null, count: null};
  for await (const page of await trino.query(sql)) {
    if (page.error) {
      const {errorName, errorCode, errorType, message, errorLocation} = page.error;
      return {error: {errorName, errorCode, errorType, message, errorLocation}};
    }
    answer.columns = page.columns ?? answer.columns;
    answer.update = page.updateType ?? answer.update;
    answer.count = page.updateCount ?? answer.count;
    answer.rows.push(...(page.data ?? []));
  }
  return answer;
}

async function ask(question, answer) {
  let value;
  try {
    value = await answer();
  } catch (error) {
    value = `${error.name}: ${error.message}`;
  }
  console.log(JSON.stringify({question, answer: value ?? null}));
}

async function main() {
  const trino = connect();
  if (relation) {
    await policed(trino, relation);
    return;
  }
  for (const value of VALUES) await ask(`value ${value}`, () => run(trino, `SELECT ${value} AS v`));
  for (const sql of WRONG) await ask(`error of ${sql}`, () => run(trino, sql));
  for (const sql of METADATA) await ask(sql, () => run(trino, sql));
  await ask('no statement', () => run(trino, ''));
  await prepared(trino);
  await session();
  await updates(trino);
  await ask('100,000 rows', () => big(trino));
  await ask('cancel', () => cancel(trino));
}

async function prepared() {
  const trino = connect();
  await ask('prepare', () => run(trino, 'PREPARE mine FROM SELECT count(*) FROM trades WHERE desk = ?').then((a) => a.update));
  for (const desk of ['CAISO', 'MISO', "'' OR ''''=''"]) {
    await ask(`execute ${desk}`, () => run(trino, `EXECUTE mine USING '${desk}'`));
  }
  await ask('deallocate', () => run(trino, 'DEALLOCATE PREPARE mine').then((a) => a.update));
  await ask('execute what is gone', () => run(trino, "EXECUTE mine USING 'CAISO'"));
  await ask('immediate', () => run(trino, "EXECUTE IMMEDIATE 'SELECT ? + 1' USING 41"));
}

async function session() {
  const trino = connect({session: {query_max_run_time: '10m'}});
  const value = async () => (await run(trino, "SHOW SESSION LIKE 'query_max_run_time'")).rows[0][1];
  await ask('session by options', value);
  await ask('set session', async () => [await run(trino, "SET SESSION query_max_run_time = '11m'"), await value()]);
  await ask('use', async () => [
    await run(trino, 'USE iceberg.curated'), await run(trino, 'SELECT current_catalog, current_schema'),
  ]);
  await ask('user', () => run(trino, 'SELECT current_user'));
}

async function updates(trino) {
  const name = `${schema}.js_probe`;
  for (const sql of [
    `CREATE SCHEMA IF NOT EXISTS ${schema}`, `DROP TABLE IF EXISTS ${name}`, `CREATE TABLE ${name} (a bigint, b varchar)`,
    `INSERT INTO ${name} VALUES (1, 'x'), (2, 'y')`, `UPDATE ${name} SET b = 'z' WHERE a = 2`,
    `DELETE FROM ${name} WHERE a = 1`, `SELECT * FROM ${name}`, `DROP TABLE ${name}`,
  ]) {
    await ask(sql, () => run(trino, sql));
  }
}

async function big(trino) {
  const found = await run(
    trino,
    'SELECT iso, node_id, interval_start_time, lmp_price FROM iceberg.curated.lmp_prices ' +
      'ORDER BY interval_start_time, node_id, iso LIMIT 100000',
  );
  return [found.rows.length, createHash('sha256').update(JSON.stringify(found.rows)).digest('hex')];
}

/** Cancel as soon as the server says that the query runs; the client itself skips pages without rows. */
async function cancel(trino) {
  const query = await trino.query(SLOW);
  const {id} = query.iter.queryResult;
  const ended = (async () => {
    let last;
    for await (const page of query) last = page;
    return [last.error?.errorName, last.error?.message];
  })();
  // Right after the POST the server may not know the query yet: that is an error to the client.
  const state = () => trino.queryInfo(id).then((info) => info.state, () => 'UNKNOWN');
  for (let tries = 0; (await state()) !== 'RUNNING' && tries < 600; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const cancelled = (await trino.cancel(id)).id === id;
  return [cancelled, await ended, (await trino.queryInfo(id)).state];
}

async function policed(trino, trades) {
  for (const sql of [
    `SELECT count(*) FROM ${trades}`, `SELECT * FROM ${trades} ORDER BY trade_id LIMIT 500`,
    `EXECUTE IMMEDIATE 'SELECT count(*), max(qty_mwh) FROM ${trades.replaceAll("'", "''")} WHERE desk = ?' USING 'MISO'`,
  ]) {
    await ask(sql.replaceAll(trades, 'trades').replaceAll(trades.replaceAll("'", "''"), 'trades'), () => run(trino, sql));
  }
}

await main();
process.exit(); // whatever a failed question left behind
