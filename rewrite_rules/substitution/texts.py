"""The text of a query that has no canonical form, as a key: what is left when its spelling is taken out.

Relations are counted, not named; a barrier that filters and masks nothing is its table. All else is compared as it is
written, part by part: LATERAL, recursion, row patterns, whatever there is.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rewrite_rules.substitution.keys import Key, is_volatile, never

_TYPES = (exp.DataType, exp.DataTypeParam)


def text_key(query: exp.Expr) -> Key:
    """Return a key that two queries share only if they say the same of the same tables; rows, not their order."""
    starred = any(isinstance(node.parent, exp.Select | exp.Column | exp.Dot) for node in query.find_all(exp.Star))
    text = _Text(starred=starred)
    parts = dict(_arguments(query))
    if not query.args.get("limit") and not query.args.get("offset"):
        parts.pop("order", None)
    if isinstance(query, exp.Select):
        parts["expressions"] = [each.this if isinstance(each, exp.Alias) else each for each in query.expressions]
    return (query.key, tuple((name, text.of(value)) for name, value in sorted(parts.items())))


def _arguments(node: exp.Expr) -> list[tuple[str, object]]:
    return [(name, value) for name, value in sorted(node.args.items()) if value]


class _Text:
    """Walk one query, counting relations in the order in which they are met."""

    __slots__ = ("_numbers", "_starred")

    def __init__(self, *, starred: bool) -> None:
        self._numbers: dict[int, int] = {}
        self._starred = starred

    def of(self, value: object) -> Key:
        if isinstance(value, list):
            return tuple(self.of(each) for each in value)
        return self._node(value) if isinstance(value, exp.Expr) else str(value).lower()

    def _node(self, node: exp.Expr) -> Key:
        if is_volatile(node) or isinstance(node, exp.TableSample):
            return never()
        if isinstance(node, exp.Identifier):
            return node.name.lower()
        if isinstance(node, exp.Literal):
            return ("text" if node.is_string else "number", node.name)
        if isinstance(node, _TYPES):
            return node.sql("trino").lower()
        if isinstance(node, exp.Paren):
            return self._node(node.this)
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.TableAlias):
            return ("alias", self.of(node.args.get("columns") or []))
        return self._relation(node) or (node.key, tuple((name, self.of(each)) for name, each in _arguments(node)))

    def _column(self, node: exp.Column) -> Key:
        resolved = node.meta.get("resolved")
        if resolved is None:
            return ("column", tuple(self.of(part) for part in node.parts))
        fields = tuple(name.lower() for name in resolved.fields)
        return ("column", self._number(resolved.relation_id), resolved.column.lower(), fields, resolved.output)

    def _number(self, relation: int) -> int:
        return self._numbers.setdefault(relation, len(self._numbers))

    def _relation(self, node: exp.Expr) -> Key | None:
        """Return the key of a relation or query with its number; None for anything else."""
        number = node.meta.get("relation_id")
        if number is None:
            return None
        named = ("this", "db", "catalog", "version", "alias")
        own = tuple((name, self.of(each)) for name, each in _arguments(node) if name not in named)
        source = _plain_table(node)
        if source is None:
            inside = tuple((name, self.of(node.args[name])) for name in named[:4] if node.args.get(name))
            return (node.key, self._number(number), inside, self._names(node), own)
        shown = tuple(name for name, _ in _shows(node)) if self._starred else ()
        travelled = self.of(source.args["version"]) if source.args.get("version") else None
        return ("table", tuple(source.meta["table"]), travelled, shown, self._number(number), self._names(node), own)

    def _names(self, node: exp.Expr) -> Key:
        alias = node.args.get("alias")
        return self.of(alias.args.get("columns") or []) if alias is not None else ()


def _shows(node: exp.Expr) -> Sequence[tuple[str | None, object]]:
    shows: Sequence[tuple[str | None, object]] = node.meta.get("shows", ())
    return shows


def _plain_table(node: exp.Expr) -> exp.Table | None:
    """Return the physical table that a relation is, with or without a barrier that only names columns."""
    if isinstance(node, exp.Table):
        return node if "table" in node.meta else None
    inner = node.this if isinstance(node, exp.Subquery) and node.meta.get("barrier") else None
    if not isinstance(inner, exp.Select) or inner.args.get("where") is not None:
        return None
    source = inner.args["from_"].this
    plain = all(isinstance(each, exp.Column) for each in inner.expressions)
    return source if plain and isinstance(source, exp.Table) and "table" in source.meta else None
