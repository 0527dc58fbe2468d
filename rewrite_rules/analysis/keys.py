"""Keys: when two expressions are the same, names resolved."""

from __future__ import annotations

from sqlglot import exp

Key = object
"""What two expressions have in common exactly when they are the same after names are resolved."""


def key_of(node: exp.Expr) -> Key:
    """Return an expression's key: its shape with columns replaced by what they resolve to."""
    kind = node.__class__
    if kind is exp.Column:
        resolved = node.meta.get("resolved")
        if resolved is not None:
            fields = resolved.fields
            return (resolved.relation_id, resolved.column.lower(), tuple(f.lower() for f in fields) if fields else ())
    elif kind is exp.Literal:
        return (kind, node.this, node.args["is_string"])
    elif kind is exp.Identifier:
        return node.name.lower()
    elif kind is exp.Paren:
        return key_of(node.this)
    return (kind, tuple([_part(name, value, kind) for name, value in node.args.items() if value]))


def _part(name: str, value: object, kind: type[exp.Expr]) -> Key:
    if isinstance(value, exp.Expr):
        return (name, key_of(value))
    if value.__class__ is list:
        return (name, tuple([key_of(v) if isinstance(v, exp.Expr) else v for v in value]))
    if kind is exp.Anonymous and isinstance(value, str):
        return (name, value.lower())
    return (name, value)
