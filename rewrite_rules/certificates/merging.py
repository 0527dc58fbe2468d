"""Put disjoint parts together: the same query over the rows of each part is that query over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rewrite_rules.certificates.conditions import conjunction, disjunction
from rewrite_rules.certificates.logic import disjoint
from rewrite_rules.certificates.matching import of_size, renamings
from rewrite_rules.certificates.relations import Rel, conjuncts


def merged(parts: tuple[Rel, ...]) -> Rel | None:
    """Return one relation in the place of parts that differ in their conditions only; None where that is not sure.

    No row may pass the conditions of two parts, or it would count twice.
    """
    fewest = min(len(part.occs) for part in parts)
    sized = [next(of_size(part, fewest), part) for part in parts]
    return _merged(sized)


def _merged(parts: Sequence[Rel]) -> Rel | None:
    whole = [parts[0]]
    for part in parts[1:]:
        found = next((each for each in renamings(parts[0], part) if _same_but_conditions(parts[0], each)), None)
        if found is None or any(not disjoint(each.conds, found.conds) for each in whole):
            return None
        whole.append(found)
    common = frozenset.intersection(*(each.conds for each in whole))
    either = disjunction(conjunction(each.conds - common) for each in whole)
    return replace(parts[0], conds=common | conjuncts(either))


def _same_but_conditions(first: Rel, second: Rel) -> bool:
    return replace(second, names=first.names, conds=first.conds, occs=first.occs) == first and {
        (occ.id, occ.join, occ.on) for occ in first.occs
    } == {(occ.id, occ.join, occ.on) for occ in second.occs}
