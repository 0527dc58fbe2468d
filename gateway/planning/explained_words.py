"""What EXPLAIN says of statements that Trino does not plan: their own text; and of listings, Trino's plan of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.names import fold_trino, quoted
from gateway.planning.context import Planning
from gateway.planning.shows import qualify
from rewrite_rules.analysis.shown import text_of

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def words_of(statement: st.Statement) -> str | None:
    """Return the text of a statement that changes the session, written as Trino writes it; None for any other.

    Like Trino, nothing is asked about what it names.
    """
    write = _WORDS.get(type(statement))
    return write(statement) if write is not None else None


def listing_of(statement: st.Statement, planning: Planning) -> tuple[str, str] | None:
    """Return a Trino cluster and the text of a listing over full names, whose plan tells no rows; None for none there.

    The caller has checked that the one who asks may see what is listed.
    """
    session = planning.received.session
    match statement:
        case st.ShowSchemas(catalog=name, pattern=pattern):
            within = name.parts[0] if name is not None else session.catalog
            names, verb = [within or ""], "SHOW SCHEMAS FROM"
        case st.ShowTables(schema=name, pattern=pattern):
            parts = name.parts if name is not None else (session.schema or "",)
            names, verb = [parts[0] if len(parts) > 1 else session.catalog or "", parts[-1]], "SHOW TABLES FROM"
        case st.ShowColumns(table=table, pattern=pattern):
            names, verb = list(qualify(table, planning)), "SHOW COLUMNS FROM"
        case _:
            return None
    engine = planning.catalog.source_of(fold_trino(names[0]))
    if engine is None or planning.engines.kinds.get(engine) != "trino":
        return None
    return engine, f"{verb} {quoted(*map(fold_trino, names))}{_like(pattern)}"


def _like(pattern: st.Pattern | None) -> str:
    if pattern is None:
        return ""
    escape = f" ESCAPE {_string(pattern.escape)}" if pattern.escape is not None else ""
    return f" LIKE {_string(pattern.like)}{escape}"


def _string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(*parts: str) -> str:
    return ".".join(part if _PLAIN.fullmatch(part) else quoted(part) for part in parts)


def _value(node: exp.Expr) -> str:
    return generate(node).lower() if isinstance(node, exp.Boolean) else text_of(node)


def _zone(statement: st.SetTimeZone) -> str:
    return f"SET TIME ZONE {generate(statement.value) if statement.value is not None else 'LOCAL'}"


def _role(statement: st.SetRole) -> str:
    within = f" IN {_name(statement.catalog)}" if statement.catalog is not None else ""
    role = statement.all_or_none or ("" if statement.role is None else _name(statement.role))
    return f"SET ROLE {role}{within}"


def _start(statement: st.StartTransaction) -> str:
    return f"START TRANSACTION {', '.join(statement.modes)}".rstrip()


_WORDS: Mapping[type, Callable[[Any], str]] = {
    st.SetSession: lambda given: f"SET SESSION {_name(*given.name.parts)} = {_value(given.value)}",
    st.ResetSession: lambda given: f"RESET SESSION {_name(*given.name.parts)}",
    st.SetTimeZone: _zone,
    st.SetPath: lambda given: f"SET PATH {', '.join(_name(*each.parts) for each in given.elements)}",
    st.SetRole: _role,
    st.Prepare: lambda given: f"PREPARE {_name(given.name)}",
    st.Deallocate: lambda given: f"DEALLOCATE PREPARE {_name(given.name)}",
    st.ResetSessionAuthorization: lambda _: "RESET SESSION AUTHORIZATION",
    st.SetSessionAuthorization: lambda given: f"SET SESSION AUTHORIZATION {_name(given.user)}",
    st.StartTransaction: _start,
    st.Commit: lambda _: "COMMIT",
    st.Rollback: lambda _: "ROLLBACK",
}
