"""The loop of Power BI's community connector for Trino, request for request, by an ordinary HTTP library.

It posts a statement with the user's header and nothing else, takes `nextUri` from the answer unasked, and follows it with a
wished size of results in the query, until there is none. Values become what the text of the column's type says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

TRIES = 5
PAUSE = 0.5
_KINDS = (
    ("char", "text"), ("int", "number"), ("decimal", "number"), ("boolean", "logical"), ("=date", "date"), ("=time", "time"),
    ("=timestamp", "datetime"), ("with time zone", "text"), ("real", "number"), ("double", "number"), ("varbinary", "binary"),
)  # fmt: skip
"""The connector's kinds of columns, by what the type's text contains, or is (`=`); the first that fits counts."""
_UNTOUCHED = ("array", "map", "json", "row")


class PowerBiError(Exception):
    """What the connector shows when a statement fails."""


@dataclass(frozen=True, slots=True)
class Connector:
    """A data source as its dialog makes it: the server, the user, and a password if one was given."""

    port: int
    user: str
    password: str | None = None
    target_megabytes: int | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def query(self, sql: str) -> dict[str, Any]:
        """Return the kinds of a statement's columns and its rows. Raises PowerBiError."""
        answer = self._call("POST", f"http://127.0.0.1:{self.port}/v1/statement", data=sql.encode())
        if "error" in answer:
            raise PowerBiError(answer["error"]["message"])
        kinds: dict[str, str] = {}
        rows: list[list[Any]] = []
        for page in self._pages(answer["nextUri"]):
            if page.get("data") and page.get("columns"):
                kinds = {column["name"]: kind_of(column["type"]) for column in page["columns"]}
                rows += [
                    [_typed(kind, value) for kind, value in zip(kinds.values(), row, strict=True)]
                    for row in page["data"]
                ]
            elif "error" in page:
                raise PowerBiError(f"Trino Error: {page['error']['errorName']}: {page['error']['message']}")
        return {"kinds": kinds, "rows": rows}

    def catalogs(self) -> dict[str, Any]:
        """List what the navigator shows first."""
        return self.query("show catalogs")

    def schemas(self, catalog: str) -> dict[str, Any]:
        """List a catalog's folders."""
        return self.query(f'select schema_name from "{catalog}".information_schema.schemata')

    def tables(self, catalog: str, schema: str) -> dict[str, Any]:
        """List a folder's tables."""
        source = f'"{catalog}".information_schema.tables'
        return self.query(f"select table_name, table_schema from {source} where table_schema = '{schema}'")

    def table(self, catalog: str, schema: str, name: str) -> dict[str, Any]:
        """Import a table: first the names of its columns, then all its rows."""
        found = self.query(
            f'select column_name from "{catalog}".information_schema.columns '
            f"where table_schema = '{schema}' and table_name = '{name}' order by ordinal_position"
        )
        columns = ",".join(f'"{row[0]}"' for row in found["rows"])
        return self.query(f'select {columns} from "{catalog}"."{schema}"."{name}"')

    def _pages(self, uri: str | None) -> Iterator[dict[str, Any]]:
        wished = {} if self.target_megabytes is None else {"targetResultSize": f"{self.target_megabytes}MB"}
        while uri is not None:
            page = self._call("GET", uri, params=wished)
            yield page
            uri = page.get("nextUri")

    def _call(self, method: str, uri: str, **more: Any) -> dict[str, Any]:
        """Try a request some times, as the connector does while the answer is not 200."""
        signed = None if self.password is None else (self.user, self.password)
        for _ in range(TRIES):
            answer = self.session.request(
                method, uri, headers={"X-Trino-User": self.user}, auth=signed, timeout=100, **more
            )
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            time.sleep(PAUSE)
        raise PowerBiError(f"HTTP {answer.status_code}: {answer.text}")


def kind_of(type_text: str) -> str:
    """Return the kind of column that the connector makes of a type's text."""
    if any(word in type_text for word in _UNTOUCHED):
        return "any"
    return next((kind for word, kind in _KINDS if type_text == word[1:] or word in type_text), "text")


def _typed(kind: str, value: Any) -> Any:
    """Check that a value can become what its column is; Power BI fails the whole import where one can not."""
    if value is not None and kind == "number":
        float(value)
    if value is not None and kind == "logical":
        assert isinstance(value, bool), value
    return value
