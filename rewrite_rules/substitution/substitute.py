"""Substitute: answer a governed query, or parts of it, from materialized views, with the proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.errors import Refusal
from catalog.materialized_views import GRADES, INTEGRITIES, Grade
from catalog.objects import Table, TableName
from rewrite_rules.analysis import AnalysisContext, OutputName, analyze, columns_noted
from rewrite_rules.substitution.aggregates import weakest
from rewrite_rules.substitution.bases import names_read
from rewrite_rules.substitution.blocks_of import MOST_BLOCKS, is_barrier, outermost, place_of, queries_in
from rewrite_rules.substitution.certificate import Certificate
from rewrite_rules.substitution.exact import grade_above, shown_by
from rewrite_rules.substitution.frames import Answer
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.inner_answers import Inside, number_of, put_together, still_there
from rewrite_rules.substitution.misses import Lack, misses_of, nearest
from rewrite_rules.substitution.model import Found, Ground, Miss, Rewriting, Terms
from rewrite_rules.substitution.replicas import over_replicas
from rewrite_rules.substitution.scans import CATALOG, scan_name
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.trying import ENOUGH, answers

_MOST = 3
"""Rewritings that are worth telling: the best, and what to fall back on."""


@dataclass(slots=True)
class _Search:
    """What was found so far in one tree."""

    tree: exp.Expr
    index: ViewIndex
    ground: Ground
    terms: Terms
    enough: int
    blocks: int = 0
    answered: list[tuple[int, list[Answer]]] = field(default_factory=list)
    """The place of each query that views answer, and the answers, best first."""
    misses: list[Sequence[Miss]] = field(default_factory=list)
    inside: dict[int, Inside] = field(default_factory=dict)
    """Which of these stand in the answer to another."""
    known: tuple[OutputName, ...] = ()
    text: str = ""

    def columns(self) -> tuple[OutputName, ...]:
        """Return the columns of the whole query."""
        if not self.known:
            self.known = columns_noted(self.tree) or _outputs(self, copied(self.tree), ())
        return self.known

    def sql(self) -> str:
        """Return the whole query as text."""
        if not self.text:
            self.text = generate(self.tree)
        return self.text

    def visit(self, query: exp.Expr, around: int | None = None) -> None:
        """Answer a query, or else what stands in it; `around` is the place of an answer that still holds it."""
        if self.blocks >= MOST_BLOCKS:
            return
        self.blocks += 1
        columns = self.columns if query is outermost(self.tree) else partial(shown_by, query)
        scan = scan_name(len(self.answered))
        tell, enough = not is_barrier(query), self.enough
        found, missed = answers(query, columns, self.index, self.ground, self.terms, scan, enough=enough, tell=tell)
        self.misses += missed if tell else ()
        number = number_of(query)
        if found and (around is None or number is not None):
            place = place_of(self.tree, query)
            self.answered.append((place, found))
            if around is not None and number is not None:
                self.inside[place] = Inside(around, number)
            for inner in still_there(query, found):
                self.visit(inner, place)
            return
        for inner in queries_in(query):
            self.visit(inner, around)


def substitute(tree: exp.Expr, index: ViewIndex, ground: Ground, terms: Terms, *, enough: int = ENOUGH) -> Found:
    """Return how views answer a query that was governed on one level, unguarded, and typed over raw columns.

    The tree stays as it is. For each part of it `enough` answers are worked out, from the smallest views on. Nothing
    is returned that was not proved; where nothing fits, the misses say why.
    """
    search = _Search(tree, index, ground, terms, enough)
    search.visit(outermost(tree))
    misses = [*search.misses]
    rewritings: list[Rewriting] = []
    for choice in _choices(search.answered):
        made, lacks = _rewriting(search, choice)
        if made is not None:
            rewritings.append(made)
        misses += lacks
        if len(rewritings) == _MOST:
            break
    alone = bool(rewritings) and not rewritings[0].base_tables
    if not alone or enough > 1:
        made, lacks = _from_replicas(search)
        rewritings[alone:alone] = [made] if made is not None else []
        misses += lacks
    return Found(tuple(rewritings), () if rewritings else nearest(misses))


def _from_replicas(search: _Search) -> tuple[Rewriting | None, list[Sequence[Miss]]]:
    """Read every table from a view that holds it whole, where each has one."""
    choice = over_replicas(search.tree, search.index, search.ground, search.terms)
    if choice is None:
        return None, []
    made, lacks = _rewriting(search, choice)
    return None if made is None else replace(made, whole=True), lacks


def _choices(answered: list[tuple[int, list[Answer]]]) -> Iterable[dict[int, Answer]]:
    """Yield ways to answer: each query by its best view, then with one of them answered by the next best."""
    best = {place: found[0] for place, found in answered}
    if best:
        yield best
    for place, found in answered:
        for other in found[1:]:
            yield {**best, place: other}
    if len(answered) > 1:
        for place, found in answered:
            yield {place: found[0]}


def _rewriting(search: _Search, choice: dict[int, Answer]) -> tuple[Rewriting | None, list[Sequence[Miss]]]:
    """Put answers into the tree; None, and why, where the result would not be just what was asked for."""
    views = [answer.view for answer in choice.values()]
    versions: dict[TableName, str] = {}
    if len({bool(answer.versions) for answer in choice.values()}) > 1:
        return None, [misses_of(views[0], [Lack(11, "freshness", "views of the present and of a while ago")])]
    for answer in choice.values():
        for name, version in answer.versions.items():
            if versions.setdefault(name, version) != version:
                return None, [misses_of(views[0], [Lack(11, "freshness", "views were compared with other versions")])]
    twin, choice = put_together(search.tree, choice, search.inside)
    _forget_unused(twin)
    problem = _differs(search, twin, choice)
    if problem is not None:
        return None, [misses_of(views[0], [Lack(15, "type", problem)])]
    names = [column.name for column in search.columns()]
    grades = _grades(search.tree, len(names), choice)
    grade = weakest([*grades, *(answer.grade for answer in choice.values())])
    if GRADES.index(grade) > GRADES.index(search.terms.min_grade):
        text = f"the answer would be of the grade {grade}, and {search.terms.min_grade} is asked for"
        return None, [misses_of(views[0], [Lack(6, "grade", text, f"SET SESSION min_grade = '{grade}'")])]
    base = tuple(name for name in names_read(twin) if name.catalog != CATALOG)
    return _made(search, twin, choice, versions, base, grade, list(zip(names, grades, strict=True))), []


def _made(
    search: _Search,
    twin: exp.Expr,
    choice: dict[int, Answer],
    versions: dict[TableName, str],
    base: tuple[TableName, ...],
    grade: Grade,
    grades: Sequence[tuple[str, Grade]],
) -> Rewriting:
    certificate = Certificate(
        search.sql(),
        generate(twin),
        tuple(answer.use() for answer in choice.values()),
        grade,
        tuple(grades),
        versions,
        max((answer.integrity for answer in choice.values()), key=INTEGRITIES.index),
        search.terms.time_zone,
    )
    sizes = [answer.bytes for answer in choice.values()]
    return Rewriting(
        twin,
        tuple(answer.scan for answer in choice.values()),
        base,
        grade,
        certificate,
        versions,
        None if any(size is None for size in sizes) else sum(size for size in sizes if size is not None),
    )


def _outputs(search: _Search, tree: exp.Expr, answers: Iterable[Answer]) -> tuple[OutputName, ...]:
    scans = {answer.scan.name: Table(answer.scan.name, answer.scan.columns, "scan") for answer in answers}
    context = AnalysisContext(tables={**search.ground.tables, **scans}, strict=True, time_zone=search.terms.time_zone)
    return analyze(tree, context).columns


def _differs(search: _Search, twin: exp.Expr, choice: dict[int, Answer]) -> str | None:
    """Return in what the result's columns differ from the original's; None where they are the same."""
    try:
        made = _outputs(search, twin, choice.values())
    except Refusal as refusal:
        return f"the rewritten query is refused: {refusal.text}"
    for own, other in zip(search.columns(), made, strict=True):
        if own != other:
            return f"{own.name} would be {other.name} of the type {other.type} and not {own.type}"
    return None


def _grades(tree: exp.Expr, count: int, choice: dict[int, Answer]) -> tuple[Grade, ...]:
    """Return the grade of each result column: of one block its own, of several the weakest."""
    whole = choice.get(0)
    if whole is not None and len(choice) == 1 and isinstance(tree, exp.Select):
        return whole.grades
    worst = weakest([*(answer.grade for answer in choice.values()), grade_above(tree, choice)])
    return (worst,) * count


def _forget_unused(twin: exp.Expr) -> None:
    """Take away common table expressions that nothing names any more, the last first."""
    for with_ in list(twin.find_all(exp.With)):
        holder = with_.parent
        for cte in reversed(list(with_.expressions)):
            name = cte.alias.lower()
            used = any(
                node.name.lower() == name and not node.args.get("db") and not _inside(node, cte)
                for node in (holder.find_all(exp.Table) if holder is not None else ())
            )
            if not used:
                cte.pop()
        if not with_.expressions and holder is not None:
            holder.set("with_", None)


def _inside(node: exp.Expr, other: exp.Expr) -> bool:
    above: exp.Expr | None = node
    while above is not None:
        if above is other:
            return True
        above = above.parent
    return False
