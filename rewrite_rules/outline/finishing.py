"""Finishing: from drafts to the nodes of an outline, once every condition has its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog.statistics import ALL_ROWS, NO_ROWS, AllOf, AnyOf, Comparison, Condition, Opaque, Scan
from rewrite_rules.outline import nodes
from rewrite_rules.outline.drafts import (
    Attached,
    Cluster,
    Draft,
    Expanded,
    Given,
    Grouped,
    Limited,
    Other,
    Outer,
    Pair,
    ScanDraft,
    Several,
)
from rewrite_rules.outline.placing import equalise, push
from rewrite_rules.outline.predicates import Dim
from rewrite_rules.outline.values import Mix, Ref, Value, refs_of

_MOST_NAMES = 3


class Finisher:
    """Make nodes of drafts."""

    def __init__(self, scans: Sequence[ScanDraft], *, written: bool = False) -> None:
        """Take the scans of all drafts, by their numbers.

        `written` leaves outer joins as they are written, whatever conditions have made of them; this comes first.
        """
        self._scans = scans
        self._written = written
        self._whole = False

    def node(self, draft: Draft) -> nodes.Node:
        """Return the node of a draft."""
        match draft:
            case ScanDraft():
                return nodes.ScanOf(draft.number, self._whole)
            case Given():
                return nodes.Values(draft.rows)
            case Cluster():
                return self._cluster(draft)
            case Outer():
                return self._outer(draft)
            case Grouped():
                keys = tuple(self._origin(key) for key in draft.keys)
                return nodes.Group(self.node(draft.input), keys, draft.sets, draft.copies)
            case Several():
                return nodes.Union(tuple(self.node(each) for each in draft.inputs))
            case Expanded():
                return nodes.Unnest(self.node(draft.input), draft.most, draft.least)
            case Limited():
                inner = self.node(draft.input)
                return nodes.Filter(inner, Opaque()) if draft.rows is None else nodes.Limit(inner, draft.rows)

    def _cluster(self, cluster: Cluster) -> nodes.Node:
        _flatten(cluster, turned=not self._written)
        if not self._written:
            equalise(cluster, self._scans)
            self._hint(cluster)
        joined = _Joining(self, cluster).node()
        for attached in cluster.attached:
            joined = self._attached(joined, attached, cluster)
        if any(other.never for other in cluster.others):
            return nodes.Filter(joined, NO_ROWS)
        if any(not other.refs for other in cluster.others):
            return nodes.Filter(joined, Opaque())
        return joined

    def _hint(self, cluster: Cluster) -> None:
        """Tell scans that are joined to what is filtered that engines may leave out rows by that."""
        for pair in cluster.pairs:
            for value, other in (pair, pair[::-1]):
                if isinstance(value, Ref) and not value.held and self._is_filtered(other) and not self._is_one(value):
                    push(Dim(Mix((value,), strict=True), subquery=True), cluster, self._scans)

    def _is_one(self, ref: Ref) -> bool:
        """Tell whether a condition lets one value of a column through: a join adds nothing to that."""
        conditions = self._scans[ref.scan].conditions
        return any(isinstance(c, Comparison) and c.column == ref.column and c.operator == "=" for c in conditions)

    def _is_filtered(self, value: Value) -> bool:
        scans = {ref.scan for ref in refs_of(value)}
        conditions = [condition for number in scans if number >= 0 for condition in self._scans[number].conditions]
        return any(not (isinstance(each, Opaque) and each.subquery) for each in conditions)

    def _outer(self, outer: Outer) -> nodes.Node:
        within = self._whole
        self._whole = within or (self._written and outer.kind != outer.written)
        left, right = self.node(outer.left), self.node(outer.right)
        self._whole = within
        joined = nodes.Join(
            "full" if outer.full else outer.written if self._written else outer.kind,
            left,
            right,
            self.pairs(outer.pairs),
            outer.others,
            named([*self.names(outer.left), *self.names(outer.right)]),
            correlated=outer.correlated,
        )
        return nodes.Filter(joined, Opaque()) if outer.full and outer.kind != "full" and not self._written else joined

    def _attached(self, left: nodes.Node, attached: Attached, cluster: Cluster) -> nodes.Node:
        right = self.node(attached.right)
        if attached.first_row:
            right = nodes.Limit(right, 1, written=False)
        return nodes.Join(
            attached.kind,
            left,
            right,
            self.pairs(attached.pairs),
            attached.others,
            named([*self.names(cluster), *self.names(attached.right)]),
            single=attached.kind == "left",
            correlated=attached.correlated,
        )

    def pairs(self, pairs: Iterable[Pair]) -> tuple[tuple[nodes.Origin | None, nodes.Origin | None], ...]:
        """Return equalities as nodes have them."""
        return tuple((self._origin(left), self._origin(right)) for left, right in pairs)

    def _origin(self, value: Value) -> nodes.Origin | None:
        if not isinstance(value, Ref):
            return None
        return nodes.Origin(self._scans[value.scan].table.name, value.column, value.scan)

    def names(self, draft: Draft) -> list[str]:
        """Return what is read, as the caller knows it."""
        if isinstance(draft, ScanDraft):
            return [f"view {draft.via}" if draft.via is not None else draft.name]
        if isinstance(draft, Cluster):
            return list(dict.fromkeys(name for part in draft.parts for name in self.names(part)))
        if draft.name:
            return [draft.name]
        if isinstance(draft, Outer):
            return list(dict.fromkeys([*self.names(draft.left), *self.names(draft.right)]))
        if isinstance(draft, Several):
            return list(dict.fromkeys(name for each in draft.inputs for name in self.names(each)))
        return [] if isinstance(draft, Given) else self.names(draft.input)


def named(names: Sequence[str]) -> str:
    """Put names together as people do."""
    if len(names) > _MOST_NAMES + 1:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _flatten(cluster: Cluster, *, turned: bool) -> None:
    """Take up the parts of clusters, and of joins that have turned inner where these are wanted."""
    waiting = cluster.parts
    cluster.parts = []
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, Cluster):
            inner: list[Cluster] = [part]
        elif turned and isinstance(part, Outer) and part.kind == "inner" and not part.correlated and not part.full:
            inner = [part.left, part.right]
            cluster.pairs += part.pairs
            cluster.others += [Other(refs) for refs in [_every(part)] for _ in range(part.others)]
        else:
            cluster.parts.append(part)
            continue
        for each in inner:
            cluster.pairs += each.pairs
            cluster.others += each.others
            cluster.attached += each.attached
            cluster.tests += each.tests
        waiting = [part for each in inner for part in each.parts] + waiting


def _every(outer: Outer) -> tuple[Ref, ...]:
    """Stand for the columns of both sides of a join, in a condition of which nothing else is known."""
    refs = [ref for pair in outer.pairs for value in pair for ref in refs_of(value)]
    return tuple(refs)


class _Joining:
    """Join the parts of a cluster two at a time, those first that something connects."""

    def __init__(self, finisher: Finisher, cluster: Cluster) -> None:
        self._finisher = finisher
        self._parts = cluster.parts
        self._names = [finisher.names(part) for part in cluster.parts]
        self._homes = {scan: number for number, part in enumerate(cluster.parts) for scan in part.scans}
        self._pairs: list[tuple[Pair, int, int]] = []
        self._others: list[tuple[frozenset[int], Other]] = []
        self._filters: dict[int, list[Other]] = {}
        for pair in cluster.pairs:
            left, right = (self._home(refs_of(value)) for value in pair)
            if len(left) == len(right) == 1 and left != right:
                self._pairs.append((pair, next(iter(left)), next(iter(right))))
            else:
                self._other(Other((*refs_of(pair[0]), *refs_of(pair[1]))))
        for other in cluster.others:
            if other.refs:
                self._other(other)

    def _home(self, refs: Iterable[Ref]) -> frozenset[int]:
        return frozenset(self._homes[ref.scan] for ref in refs if ref.scan in self._homes)

    def _other(self, other: Other) -> None:
        homes = self._home(other.refs)
        if len(homes) == 1:
            self._filters.setdefault(next(iter(homes)), []).append(other)
        elif homes:
            self._others.append((homes, other))

    def node(self) -> nodes.Node:
        """Return the join of all parts."""
        done = {0}
        result = self._part(0)
        names = list(self._names[0])
        waiting = list(range(1, len(self._parts)))
        while waiting:
            number = next((n for n in waiting if self._between(done, n)), waiting[0])
            waiting.remove(number)
            pairs = self._between(done, number)
            done.add(number)
            others = [other for homes, other in self._others if number in homes and homes <= done]
            names += [name for name in self._names[number] if name not in names]
            result = nodes.Join(
                "inner" if pairs or others else "cross",
                result,
                self._part(number),
                self._finisher.pairs(pairs),
                len(others),
                named(names),
            )
        return result

    def _between(self, done: set[int], number: int) -> list[Pair]:
        """Return the equalities of a part with those joined already, these first."""
        found = [pair for pair, left, right in self._pairs if left in done and right == number]
        return found + [pair[::-1] for pair, left, right in self._pairs if right in done and left == number]

    def _part(self, number: int) -> nodes.Node:
        node = self._finisher.node(self._parts[number])
        for other in self._filters.get(number, ()):
            columns = tuple(dict.fromkeys(ref.column for ref in other.refs))
            node = nodes.Filter(node, Opaque(columns, other.subquery))
        return node


def scan_of(draft: ScanDraft, times: int) -> Scan:
    """Return a scan of which everything is known."""
    columns = tuple(column.name for column in draft.table.columns if column.name in draft.needed)
    condition = _all(draft.conditions)
    return Scan(draft.table.name, columns, condition, times, draft.snapshot, draft.as_of_millis, draft.via)


def _all(conditions: Sequence[Condition]) -> Condition:
    flat: dict[Condition, None] = {}
    for condition in conditions:
        for part in condition.parts if isinstance(condition, AllOf) else (condition,):
            if part == NO_ROWS or (isinstance(part, AnyOf) and not part.parts):
                return NO_ROWS
            flat[part] = None
    parts = tuple(flat)
    return ALL_ROWS if not parts else parts[0] if len(parts) == 1 else AllOf(parts)
