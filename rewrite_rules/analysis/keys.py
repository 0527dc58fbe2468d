"""Keys: when two expressions are the same, names resolved."""

from __future__ import annotations

from sqlglot import exp

Key = object
"""What two expressions have in common exactly when they are the same after names are resolved."""


def key_of(node: exp.Expr) -> Key:
    """Return an expression's key: its shape with columns replaced by what they resolve to."""
    if isinstance(node, exp.Paren):
        return key_of(node.this)
    if isinstance(node, exp.Column):
        resolved = node.meta.get("resolved")
        if resolved is not None:
            return (resolved.relation_id, resolved.column.lower(), tuple(f.lower() for f in resolved.fields))
    if isinstance(node, exp.Identifier):
        return node.name.lower()
    return (node.__class__, tuple(_part(name, value, node) for name, value in node.args.items() if value))


def _part(name: str, value: object, node: exp.Expr) -> Key:
    if isinstance(value, exp.Expr):
        return (name, key_of(value))
    if isinstance(value, list):
        return (name, tuple(key_of(v) if isinstance(v, exp.Expr) else v for v in value))
    if isinstance(node, exp.Anonymous) and isinstance(value, str):
        return (name, value.lower())
    return (name, value)
