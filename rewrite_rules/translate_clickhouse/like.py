"""LIKE, whose patterns have no escape character on Trino unless one is named."""

from __future__ import annotations

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import literal_text
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call, operator, string


def like(node: exp.Expr, scope: Scope) -> str:
    """Translate [NOT] LIKE."""
    if isinstance(node, exp.Escape):
        return _escaped(node, scope)
    if scope.type_of(node.this).base not in ("varchar", "unknown"):
        raise unsupported(f"LIKE of {scope.type_of(node.this)}", node)
    pattern, escape = node.expression, None
    if isinstance(pattern, exp.Escape):
        pattern, escape = pattern.this, literal_text(pattern.expression, "An escape character")
        if len(escape) != 1:
            raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Escape string must be a single character")
    condition = operator("LIKE", (scope.value(node.this), _pattern(pattern, escape, scope)))
    return f"(NOT {condition})" if node.args.get("negate") else condition


def _escaped(node: exp.Escape, scope: Scope) -> str:
    """Translate LIKE ... ESCAPE where the escape stands around the whole condition."""
    inner = node.this
    negate = isinstance(inner, exp.Not)
    condition = inner.this if negate else inner
    if not isinstance(condition, exp.Like):
        raise unsupported("ESCAPE outside of LIKE", node)
    pattern = exp.Escape(this=condition.expression.copy(), expression=node.expression.copy())
    whole = exp.Like(this=condition.this.copy(), expression=pattern, negate=condition.args.get("negate"))
    text = like(whole, scope)
    return f"(NOT {text})" if negate else text


def _pattern(node: exp.Expr, escape: str | None, scope: Scope) -> str:
    if isinstance(node, exp.Literal):
        return string(rewritten(node.name, escape))
    if escape is not None:
        raise unsupported("LIKE with ESCAPE and a pattern that is not a literal", node)
    return call("replaceAll", scope.value(node), string("\\"), string("\\\\"))


def rewritten(pattern: str, escape: str | None) -> str:
    """Write a pattern for ClickHouse, where the backslash always escapes. Raises Refusal INVALID_FUNCTION_ARGUMENT."""
    parts: list[str] = []
    characters = iter(pattern)
    for char in characters:
        if char == escape:
            following = next(characters, "")
            if following not in ("%", "_", escape):
                raise Refusal(
                    ErrorCode.INVALID_FUNCTION_ARGUMENT,
                    "Escape character must be followed by '%', '_' or the escape character itself",
                )
            parts.append(f"\\{following}" if following in "%_\\" else following)
        else:
            parts.append("\\\\" if char == "\\" else char)
    return "".join(parts)
