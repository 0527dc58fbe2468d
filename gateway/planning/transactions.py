"""Plan START TRANSACTION, COMMIT and ROLLBACK: a transaction lives on the one Trino engine that keeps it."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Plan
from gateway.planning.context import Planning


def check_known(planning: Planning) -> None:
    """Refuse a transaction id that is not the caller's, or whose engine is gone. Raises Refusal."""
    named, known = planning.received.session.transaction, planning.received.transaction
    if named in (None, "NONE"):
        return
    if known is None or planning.engines.kinds.get(known.engine) != "trino":
        raise Refusal(
            ErrorCode.UNKNOWN_TRANSACTION,
            f"Unknown transaction ID: {named}. Possibly expired? Commands ignored until end of transaction block",
        )


def check_engine(plan: Plan, planning: Planning) -> None:
    """Refuse a statement that another engine would run than the transaction's. Raises Refusal NOT_SUPPORTED."""
    transaction = planning.received.transaction
    if transaction is None or plan.route != "engine" or plan.engine in (transaction.engine, SYSTEM):
        return
    raise Refusal(
        ErrorCode.NOT_SUPPORTED,
        f"This transaction is kept by engine '{transaction.engine}', and the statement needs engine '{plan.engine}': "
        "a transaction stays on one engine.",
        hint="COMMIT or ROLLBACK first.",
    )


async def plan_start(statement: st.StartTransaction, planning: Planning) -> Plan:
    """Plan START TRANSACTION on the engine of the session's catalog, else on the default Trino engine."""
    if planning.received.session.transaction is None:
        raise Refusal(ErrorCode.INCOMPATIBLE_CLIENT, "Client does not support transactions")
    if planning.received.transaction is not None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "Nested transactions not supported")
    levels = sum(mode.startswith("ISOLATION") for mode in statement.modes)
    for found, what in ((levels, "isolation levels"), (len(statement.modes) - levels, "read modes")):
        if found > 1:
            message = f"Multiple transaction {what} specified"
            raise Refusal(ErrorCode.SYNTAX_ERROR, message, location=Location(1, 1))
    return _plan(f"START TRANSACTION {', '.join(statement.modes)}".rstrip(), statement.kind, _keeper(planning))


def _keeper(planning: Planning) -> str:
    """Return the engine that is to keep a new transaction. Raises Refusal NOT_SUPPORTED where none can."""
    kinds, catalog = planning.engines.kinds, planning.received.session.catalog
    engine = planning.catalog.source_of(fold_trino(catalog)) if catalog is not None else None
    if engine is None or fold_trino(catalog or "") not in planning.view.catalogs():
        trinos = [name for name, kind in kinds.items() if kind == "trino"]
        engine = planning.engines.default if planning.engines.default in trinos else next(iter(trinos), None)
    if engine is not None and kinds.get(engine) == "trino":
        return engine
    where = f"for catalog '{catalog}'" if engine is not None else "here"
    raise Refusal(
        ErrorCode.NOT_SUPPORTED,
        f"START TRANSACTION is not supported {where}: only catalogs on a Trino cluster have transactions.",
        hint="Statements commit on their own: use autocommit.",
    )


async def plan_end(statement: st.Commit | st.Rollback, planning: Planning) -> Plan:
    """Plan COMMIT and ROLLBACK."""
    transaction = planning.received.transaction
    if transaction is None:
        raise Refusal(ErrorCode.NOT_IN_TRANSACTION, "No transaction in progress")
    return _plan(statement.kind, statement.kind, transaction.engine)


def _plan(sql: str, kind: str, engine: str) -> Plan:
    return Plan(kind=kind, route="engine", engine=engine, sql=sql, governed_sql=sql)
