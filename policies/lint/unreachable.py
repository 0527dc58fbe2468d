"""Rules that reach nobody: under a wider denial, for roles that nobody holds, under conditions that nobody meets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from policies.bounds import Bounds
from policies.faults import Origin
from policies.grants import Effects
from policies.lint.findings import Finding, Severity
from policies.lint.scope import Scope
from policies.rules import Rule

_CODE = "unreachable"


@dataclass(frozen=True, slots=True)
class _Bounded:
    """A rule of any kind, with whom it names and when it holds."""

    id: str
    origin: Origin
    principals: tuple[str, ...]
    bounds: Bounds
    opens: bool
    """It gives (an allow, `none`): a missing attribute leaves it out. Others close instead."""


def find(scope: Scope) -> Iterator[Finding]:
    """Yield rules that nothing and nobody brings into force."""
    yield from _denied(scope)
    yield from _unheld(scope)
    yield from _unmet(scope)


def _denied(scope: Scope) -> Iterator[Finding]:
    """Yield allows of which a denial for somebody wider leaves nothing; contradictions tell of the same principal."""
    effects = scope.policies.grants.effects
    denying = {asset: {p: e for p, e in by_p.items() if e.denied} for asset, by_p in effects.items()}
    denying = {asset: by_p for asset, by_p in denying.items() if by_p}
    if not denying:
        return
    left: dict[str, bool] = {}
    wide: dict[str, str] = {}
    for rule in scope.policies.rules:
        if rule.effect == "deny" or rule.tag is not None:
            continue
        by = _denier(rule, scope, [denying[rule.asset[:d]] for d in _depths(rule) if rule.asset[:d] in denying])
        left[rule.id] = left.get(rule.id, False) or not by
        wide.setdefault(rule.id, by)
    for identifier, reaches in left.items():
        if not reaches and identifier in scope.grants:
            reason = f"everything that it allows is denied to {wide[identifier]}, who are all that it names"
            fix = "A deny wins over every allow: narrow the one or remove the other."
            yield Finding(_CODE, "warning", identifier, scope.grants[identifier], reason, fix)


def _depths(rule: Rule) -> range:
    return range(len(rule.asset) + 1)


def _denier(rule: Rule, scope: Scope, above: Iterable[Mapping[str, Effects]]) -> str:
    """Return the wider principal whose denials take all that a rule allows; empty if none does."""
    for principal in sorted(scope.surely(rule.principal) - {rule.principal}):
        denied = set().union(*(by_principal[principal].denied for by_principal in above if principal in by_principal))
        if rule.actions <= denied:
            return "everybody" if principal == "*" else principal
    return ""


def _unheld(scope: Scope) -> Iterator[Finding]:
    """Yield roles and groups that rules name and nobody in the files has, once each."""
    severity: Severity = "note" if scope.tokens_bring_roles else "warning"
    named: Counter[str] = Counter()
    for item in _all(scope):
        named.update({p for p in item.principals if p.startswith(("role:", "group:"))})
    for principal, rules in sorted(named.items()):
        if principal in scope.holders:
            continue
        kind, _, name = principal.partition(":")
        reason = f"nobody in the files has the {kind} `{name}`: {_count(rules)} for it alone reach nobody"
        fix = "Give it to somebody under `users:`, or see that tokens bring it."
        yield Finding(_CODE, severity, "", _place(scope, f"{kind}s", name), reason, fix)


def _count(rules: int) -> str:
    return "1 rule" if rules == 1 else f"{rules} rules"


def _place(scope: Scope, section: str, name: str) -> Origin:
    for source in scope.policies.sources:
        if name in getattr(source.document, section):
            return source.origin(section, name)
    return Origin("", section, 0)


def _unmet(scope: Scope) -> Iterator[Finding]:
    """Yield rules whose conditions no known caller meets, where tokens cannot bring the attribute."""
    if scope.claims is None:
        return
    met: dict[tuple[str, tuple[tuple[str, frozenset[str]], ...]], tuple[bool, bool]] = {}
    for item in _all(scope):
        when = item.bounds.when
        if not when or any(name in scope.claims for name, _ in when):
            continue
        answers = []
        for principal in item.principals:
            key = (principal, when)
            if key not in met:
                met[key] = _met(scope, principal, item.bounds)
            answers.append(met[key])
        if any(reached for reached, _ in answers):
            continue
        written = ", ".join(f"{name} in {'|'.join(sorted(values))}" for name, values in when)
        doubt = any(doubtful for _, doubtful in answers) and not item.opens
        reason = f"its condition ({written}) is met by nobody that it names"
        reason += ": whoever lacks the attribute is refused instead" if doubt else ""
        fix = "Give somebody the attribute under `users:`, or list it in an issuer's `attribute_claims`."
        yield Finding(_CODE, "warning", item.id, item.origin, reason, fix)


def _met(scope: Scope, principal: str, bounds: Bounds) -> tuple[bool, bool]:
    """Tell whether somebody surely meets a condition, and whether somebody leaves it in doubt."""
    people = scope.policies.directory.people
    reached = doubtful = False
    for name in scope.holders.get(principal, ()):
        attributes: dict[str, frozenset[str]] = {k: frozenset({v}) for k, v in people[name].attributes}
        answer = bounds.met(attributes)
        reached, doubtful = reached or answer is True, doubtful or answer is None
    return reached, doubtful


def _all(scope: Scope) -> Iterable[_Bounded]:
    """Yield the rules of all kinds."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    first: dict[str, Rule] = {}
    for rule in scope.policies.rules:
        named[rule.id].append(rule.principal)
        first.setdefault(rule.id, rule)
    for identifier, rule in first.items():
        origin = scope.grants.get(identifier, Origin("", identifier, 0))
        yield _Bounded(identifier, origin, tuple(named[identifier]), rule.bounds, rule.effect == "allow")
    for _, each, principals in scope.filters.values():
        yield _Bounded(each.id, each.origin, principals, each.bounds, each.expression is None)
    for _, mask, principals in scope.masks.values():
        yield _Bounded(mask.id, mask.origin, principals, mask.bounds, mask.spec is None)
