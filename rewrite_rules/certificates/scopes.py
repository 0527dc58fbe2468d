"""What a query finds around it, and the names that are given to what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from rewrite_rules.certificates.expressions import Sight


@dataclass(frozen=True, slots=True)
class Scope:
    """What a query finds around it."""

    common: Mapping[str, tuple[exp.Expr, tuple[str, ...], Scope]] = field(default_factory=dict)
    sight: Sight | None = None


def alias_of(node: exp.Expr) -> tuple[str, tuple[str, ...]]:
    """Return the name that something in FROM is given, and its columns' names where they are given, too."""
    alias = node.args.get("alias")
    if alias is None:
        return "", ()
    if isinstance(alias, exp.TableAlias):
        return alias.name.lower(), tuple(each.name.lower() for each in alias.columns)
    return alias.name.lower(), ()
