"""Prepare a view once: its definition in the canonical form, and why it may not be used at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from catalog.dialect.parse import parse_expression, parse_query
from catalog.errors import Refusal
from catalog.materialized_views import Definition, MaterializedView, State
from catalog.objects import Table, TableName
from rewrite_rules.analysis import Analysis, AnalysisContext, analyze
from rewrite_rules.expand_views import expand_views
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.blocks import Block, Output
from rewrite_rules.substitution.flatten import fingerprint, flatten
from rewrite_rules.substitution.keys import Key, never
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.session_zone import zone_bound

_MOST_VIEWS_DEEP = 16


@dataclass(frozen=True, slots=True)
class Shown:
    """One column of a view that holds plain values: what it is over base columns."""

    column: str
    output: Output


@dataclass(frozen=True, slots=True)
class Kept:
    """One column of a view that holds states: what they were made from, over base columns."""

    column: str
    state: State
    arguments: tuple[exp.Expr, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A view ready to be matched. Where `why` is told it answers nobody."""

    view: MaterializedView
    block: Block
    tables: frozenset[TableName] = frozenset()
    """All base tables that the definition reads, in whatever place."""
    shown: tuple[Shown, ...] = ()
    """In the order of the definition; columns of states are not among them."""
    kept: tuple[Kept, ...] = ()
    names: tuple[str, ...] = ()
    """All columns of the definition, in its order, folded."""
    print: Key = field(default_factory=never)
    """The definition's fingerprint; with states it equals nothing, for no column holds the answer, nor where rows are
    parts of groups.
    """
    elsewhere: frozenset[TableName] = frozenset()
    """Tables that it reads in subqueries of its expressions: what changes in them may concern any of its rows."""
    why: str | None = None
    condition: int = 0
    """Which of the 16 conditions of rewriting.md `why` speaks of."""
    read: dict[str, object] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What was worked out of this very view once, by what it is."""

    @property
    def exact_only(self) -> bool:
        """Tell whether only its very text is answered: its rows are no bag of selected, joined and grouped rows."""
        return self.block.odd is not None or self.block.top is not None

    @property
    def is_replica(self) -> bool:
        """Tell whether it holds the rows of one table as they are."""
        block = self.block
        plain = self.why is None and not self.exact_only and block.keys is None and not block.distinct
        return plain and len(block.occurrences) == 1 and len(self.tables) == 1 and not block.conditions


class UnusableError(Exception):
    """Say why a view cannot be used, and which condition that breaks."""

    def __init__(self, condition: int, text: str) -> None:
        """Name one of the 16 conditions and say what is wrong."""
        super().__init__(text)
        self.condition = condition


def prepare(view: MaterializedView, ground: Ground) -> Prepared:
    """Return a view ready to be matched over the ground's tables; it never raises, but says `why` not."""
    try:
        return _prepared(view, ground)
    except UnusableError as error:
        return _unusable(view, str(error), error.condition)
    except Refusal as refusal:
        return _unusable(view, f"its definition is refused: {refusal.message}", 3)
    except RecursionError:
        return _unusable(view, "its definition is nested too deeply", 3)


def _unusable(view: MaterializedView, why: str, condition: int) -> Prepared:
    """Return a view that answers nobody, with the tables that its definition names as far as they can be read."""
    definition = view.definition
    try:
        tables = frozenset(resolve(parse_query(definition.sql), definition.catalog, definition.schema).reads)
    except Refusal:
        tables = frozenset()
    return Prepared(view, Block((), (), (), odd=why), tables, why=why, condition=condition)


def renewed(prepared: Prepared, view: MaterializedView, ground: Ground) -> Prepared:
    """Return a view prepared again after something became known of it; the definition's form is kept if it holds."""
    old = prepared.view
    if (old.definition, old.table, old.quarantined) != (view.definition, view.table, view.quarantined):
        return prepare(view, ground)
    lost = (view.freshness.lost if view.freshness is not None else None) or None
    before = (old.freshness.lost if old.freshness is not None else None) or None
    return replace(prepared, view=view) if lost == before else prepare(view, ground)


def _prepared(view: MaterializedView, ground: Ground) -> Prepared:
    _check_keeping(view)
    definition = view.definition
    tree, analysis = _typed(parse_query(definition.sql), definition, ground)
    if analysis.volatile:
        raise UnusableError(9, "its definition asks for the clock, the session or chance")
    bound = zone_bound(tree)
    if bound is not None:
        raise UnusableError(9, f"its definition depends on the session's time zone: {bound.sql('trino')}")
    tables = frozenset(node.meta["table"] for node in tree.find_all(exp.Table) if "table" in node.meta)
    block = flatten(tree, ground)
    shown = _shown(view, block, analysis)
    states = definition.state_of
    return Prepared(
        view,
        block,
        tables,
        tuple(each for each in shown if each.column not in states),
        tuple(_kept(state, tree, definition, ground) for state in definition.states) if block.odd is None else (),
        tuple(column.name.lower() for column in analysis.columns),
        never() if states or definition.maintained == "inserts" else fingerprint(tree, ground),
        _elsewhere(block, tables),
    )


def _elsewhere(block: Block, tables: frozenset[TableName]) -> frozenset[TableName]:
    """Return the tables in subqueries; where one names a common table expression, all that are read."""
    values = [*(output.value for output in block.outputs), *(condition.value for condition in block.conditions)]
    values += [*(block.keys or ()), *block.having, *(on for each in block.occurrences for on in each.on)]
    found: set[TableName] = set()
    for query in (node for value in values for node in value.find_all(exp.Query)):
        for node in query.find_all(exp.Table):
            found |= {node.meta["table"]} if "table" in node.meta else tables
    return frozenset(found)


def _check_keeping(view: MaterializedView) -> None:
    """Refuse what was filled, or is kept, so that it holds something else than its definition says."""
    if view.definition.built_under:
        raise UnusableError(12, "it was filled under policies, so rows and values of others are not in it")
    if view.quarantined is not None:
        raise UnusableError(11, f"it is in quarantine: {view.quarantined}")
    if view.freshness is not None and view.freshness.lost is not None:
        raise UnusableError(11, f"rows that it held are gone: {view.freshness.lost}")


def _typed(tree: exp.Expr, definition: Definition, ground: Ground) -> tuple[exp.Expr, Analysis]:
    """Resolve, expand and type a definition over the raw base tables. Raises Refusal, UnusableError."""
    if tree.args.get("functions"):
        raise UnusableError(9, "its definition declares functions")
    resolved = resolve(tree, definition.catalog, definition.schema)
    for _ in range(_MOST_VIEWS_DEEP):
        _check_known(resolved.reads, ground.tables)
        if all(ground.tables[leaf.table].kind != "view" for leaf in resolved.leaves):
            break
        resolved = expand_views(resolved, dict(ground.tables))
    context = AnalysisContext(definition.catalog, definition.schema, ground.tables, strict=True)
    return resolved.tree, analyze(resolved.tree, context)


def _check_known(names: tuple[TableName, ...], tables: Mapping[TableName, Table]) -> None:
    unknown = [str(name) for name in names if name not in tables]
    if unknown:
        raise UnusableError(1, f"its base table {unknown[0]} is not known")


def _shown(view: MaterializedView, block: Block, analysis: Analysis) -> tuple[Shown, ...]:
    """Pair the definition's columns with those of the view's table, by name. Raises UnusableError."""
    names = [column.name.lower() for column in analysis.columns]
    missing = [name for name in names if name not in view.table.by_name]
    if missing or len(set(names)) != len(names):
        raise UnusableError(15, f"its table does not show the definition's columns: {', '.join(missing or names)}")
    if block.odd is not None:
        return ()
    return tuple(Shown(name, output) for name, output in zip(names, block.outputs, strict=True))


def _kept(state: State, tree: exp.Expr, definition: Definition, ground: Ground) -> Kept:
    """Write what a state was made from over base columns, as if the definition's SELECT listed it."""
    select = _inner_select(tree)
    shape = {name: select.args[name].copy() for name in ("with_", "from_", "where") if select.args.get(name)}
    joins = [join.copy() for join in select.args.get("joins") or ()]
    listed = exp.Select(expressions=[parse_expression(text) for text in state.arguments], joins=joins, **shape)
    if not listed.expressions:
        return Kept(state.column, state, ())
    known, _ = _typed(listed, definition, ground)
    block = flatten(known, ground)
    if block.odd is not None:
        raise UnusableError(6, f"the state {state.column} is made from what has no canonical form: {block.odd}")
    return Kept(state.column, state, tuple(output.value for output in block.outputs))


def _inner_select(tree: exp.Expr) -> exp.Select:
    inner = tree
    while isinstance(inner, exp.Subquery):
        inner = inner.this
    if not isinstance(inner, exp.Select):
        raise UnusableError(3, "states stand in the columns of one SELECT only")
    return inner
