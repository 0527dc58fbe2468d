"""What joins compare: conditions, columns of one name, and what may stand beside LATERAL."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import common_super_type, comparable
from catalog.types import TrinoType
from rewrite_rules.analysis.columns import record_read
from rewrite_rules.analysis.env import Relation, Walk
from rewrite_rules.analysis.failures import mismatch, refuse, unsupported
from rewrite_rules.analysis.lineage import origins_of_fields
from rewrite_rules.analysis.scopes import Field, Scope
from rewrite_rules.analysis.shown import text_of


def check_lateral(join: exp.Expr, *, strict: bool) -> None:
    """Refuse conditions on what is joined row by row; Trino has only ON TRUE there, but for LATERAL."""
    target = join.this
    is_json = isinstance(target, exp.TableFromRows) and isinstance(target.this, exp.JSONTable)
    if not is_json and not isinstance(target, exp.Unnest | exp.Lateral):
        return
    if isinstance(target, exp.Lateral) and not strict and str(join.args.get("side") or "").upper() != "FULL":
        return
    on = join.args.get("on")
    free = on is None or (isinstance(on, exp.Boolean) and on.this is True)
    if join.args.get("using") or not free:
        kind = str(join.args.get("side") or "INNER").upper()
        shown = "JSON_TABLE" if is_json else target.key.upper()
        what = f"{kind} JOIN involving {shown} is only supported with condition ON TRUE"
        raise unsupported(what, on if on is not None else join)


def check_own(on: exp.Expr) -> None:
    """Check the condition of an outer join. Raises Refusal NOT_SUPPORTED, as Trino does, for outer columns in it."""
    for node in on.walk(prune=lambda node: isinstance(node, exp.Query)):
        resolved = node.meta.get("resolved") if isinstance(node, exp.Column) else None
        if resolved is not None and resolved.outer:
            what = f"Reference to column '{text_of(node)}' from outer scope not allowed in this context"
            raise unsupported(what, node)


def using(left: Relation, right: Relation, names: Sequence[exp.Expr], join: exp.Expr, walk: Walk) -> Relation:
    """Join by columns of one name: each appears once, in front, and can no longer be qualified."""
    merged: list[Field] = []
    used: set[int] = set()
    number = walk.next_relation()
    for identifier in names:
        sides = [_using_side(side, identifier, which) for side, which in ((left, "left"), (right, "right"))]
        found = [side for side in sides if side is not None]
        for field in found:
            used.add(id(field))
            record_read(field, walk)
        kind = _using_type([field.type for field in found], identifier) if len(found) == 2 else None
        sources = tuple(source for field in found for source in field.sources)
        origins = origins_of_fields(found)
        merged.append(Field(identifier.name, kind, relation=number, sources=sources, origins=origins))
    join.meta["relation_id"] = number
    rest = (field for side in (left, right) for field in side.fields if id(field) not in used)
    return Relation((*merged, *rest), left.is_open or right.is_open)


def _using_side(side: Relation, identifier: exp.Expr, which: str) -> Field | None:
    matches = Scope(side.fields).matches((identifier.name.lower(),))
    if len(matches) > 1:
        raise refuse(ErrorCode.AMBIGUOUS_NAME, f"Column '{identifier.name}' is ambiguous", identifier)
    if matches:
        return matches[0]
    if side.is_open and not identifier.name.startswith("$"):
        return None
    raise refuse(
        ErrorCode.COLUMN_NOT_FOUND, f"Column '{identifier.name}' is missing from {which} side of join", identifier
    )


def _using_type(kinds: Sequence[TrinoType | None], identifier: exp.Expr) -> TrinoType | None:
    first, second = kinds
    if first is None or second is None:
        return None
    common = common_super_type(first, second)
    if common is None or not comparable(common):
        raise mismatch(f"Column types of {identifier.name} cannot be joined: {first} and {second}", identifier)
    return common
