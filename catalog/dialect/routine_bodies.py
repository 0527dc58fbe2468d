"""Statements of Trino's routine language, read into nodes of sqlglot and written back word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from catalog.dialect.node_kinds import CONDITIONS
from catalog.dialect.syntax import mismatched
from catalog.dialect.types import type_sql
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from catalog.dialect.routine_source import Source

    Generator = Any
    """sqlglot's compiled generator."""

MAX_NESTING = 40
"""Statements inside of statements: what writes them calls itself, in compiled code that cannot stop in time."""


class Body:
    """Read statements; each method is one rule of the grammar."""

    __slots__ = ("source",)

    def __init__(self, source: Source) -> None:
        """Read from the place at which the source stands."""
        self.source = source

    def statement(self, depth: int) -> exp.Expr:
        """Read one statement of any kind."""
        if depth > MAX_NESTING:
            what = f"Function has more than {MAX_NESTING} levels of nested statements"
            raise Refusal(ErrorCode.GENERIC_USER_ERROR, what, hint="Simplify the function.")
        source = self.source
        label = None
        if source.here.is_name and source.ahead().text == ":":
            label = source.name()
            source.expect(":")
            if source.here.upper not in _LABELLED:
                raise mismatched(source.here, "'LOOP', 'REPEAT', 'WHILE'")
        word = source.here.upper
        if word in _LABELLED:
            return self._loop(word, label, depth)
        if word == "RETURN":
            return self.returned()
        if word == "SET":
            return self._assignment()
        if word in ("CASE", "IF"):
            return self._branches(word, depth)
        if word in ("ITERATE", "LEAVE"):
            source.at += 1
            return exp.EndStatement(kind=word, this=source.name())
        if word == "BEGIN":
            return self._compound(depth)
        raise mismatched(source.here, "'BEGIN', 'CASE', 'IF', 'ITERATE', 'LEAVE', 'LOOP', 'RETURN', 'SET', 'WHILE'")

    def returned(self, *stops: str) -> exp.Expr:
        """Read RETURN and its value."""
        self.source.expect("RETURN")
        return exp.Return(this=self._value(*stops))

    def _value(self, *stops: str) -> exp.Expr:
        """Read a value; a bare condition is none to Trino's grammar here."""
        start = self.source.here
        value = self.source.expression(*stops)
        if value.__class__ in CONDITIONS:
            raise mismatched(start, "<value>")
        return value

    def _assignment(self) -> exp.Expr:
        self.source.expect("SET")
        name = self.source.name()
        self.source.expect("=")
        return exp.SetItem(this=name, expression=self.source.expression())

    def _statements(self, depth: int, *ends: str) -> exp.Expr:
        """Read statements with a semicolon behind each, at least one, up to one of the words."""
        found: list[exp.Expr] = []
        while not found or self.source.here.upper not in ends:
            found.append(self.statement(depth + 1))
            self.source.expect(";")
        return exp.Block(expressions=found)

    def _compound(self, depth: int) -> exp.Expr:
        source = self.source
        source.expect("BEGIN")
        declared: list[exp.Expr] = []
        while source.here.upper == "DECLARE":
            declared.append(self._declaration())
            source.expect(";")
        inner: list[exp.Expr] = []
        if source.here.upper != "END":
            inner = self._statements(depth, "END").expressions
        source.expect("END")
        return exp.Block(kind="BEGIN", declared=declared, expressions=inner)

    def _declaration(self) -> exp.Expr:
        source = self.source
        source.expect("DECLARE")
        names: list[exp.Expr] = [source.name()]
        while source.accept(","):
            names.append(source.name())
        kind = source.type()
        default = self._value() if source.accept("DEFAULT") else None
        return exp.DeclareItem(expressions=names, kind=kind, default=default)

    def _branches(self, word: str, depth: int) -> exp.Expr:
        """Read IF or CASE: both choose among lists of statements."""
        source = self.source
        source.expect(word)
        value = source.expression("WHEN") if word == "CASE" and source.here.upper != "WHEN" else None
        again = "WHEN" if word == "CASE" else "ELSEIF"
        branches: list[exp.Expr] = []
        while not branches or source.here.upper == again:
            if word == "CASE" or branches:
                source.expect(again)
            condition = source.expression("THEN")
            source.expect("THEN")
            branches.append(exp.If(this=condition, true=self._statements(depth, again, "ELSE", "END")))
        default = self._statements(depth, "END") if source.accept("ELSE") else None
        source.expect("END", word)
        return exp.IfBlock(kind=word, this=value, ifs=branches, default=default)

    def _loop(self, word: str, label: exp.Expr | None, depth: int) -> exp.Expr:
        source = self.source
        source.expect(word)
        condition = None
        if word == "WHILE":
            condition = source.expression("DO")
            source.expect("DO")
        body = self._statements(depth, "UNTIL" if word == "REPEAT" else "END")
        if word == "REPEAT":
            source.expect("UNTIL")
            condition = source.expression("END")
        source.expect("END", word)
        return exp.WhileBlock(kind=word, label=label, this=condition, body=body)


_LABELLED = ("LOOP", "REPEAT", "WHILE")


def _function_sql(self: Generator, node: exp.UserDefinedFunction) -> str:
    parameters = ", ".join(f"{self.sql(each, 'this')} {type_sql(each.args['kind'])}" for each in node.expressions)
    traits = "".join(f" {trait.name}" for trait in node.args.get("traits") or ())
    head = f"FUNCTION {self.sql(node, 'this')}({parameters}) RETURNS {type_sql(node.args['returns'])}"
    return f"{head}{traits} {self.sql(node, 'body')}"


def _block_sql(self: Generator, node: exp.Block) -> str:
    declared = "".join(f"{self.sql(each)}; " for each in node.args.get("declared") or ())
    inner = "".join(f"{self.sql(each)}; " for each in node.expressions)
    return f"BEGIN {declared}{inner}END" if node.args.get("kind") else inner


def _declaration_sql(self: Generator, node: exp.DeclareItem) -> str:
    default = self.sql(node, "default")
    names = self.expressions(node, flat=True)
    return f"DECLARE {names} {type_sql(node.args['kind'])}{f' DEFAULT {default}' if default else ''}"


def _branches_sql(self: Generator, node: exp.IfBlock) -> str:
    word = node.args["kind"]
    again = "WHEN" if word == "CASE" else "ELSEIF"
    branches = [f"{self.sql(each, 'this')} THEN {self.sql(each, 'true')}" for each in node.args["ifs"]]
    value = f" {text}" if (text := self.sql(node, "this")) else ""
    head = f"CASE{value} WHEN " if word == "CASE" else "IF "
    default = self.sql(node, "default")
    return f"{head}{f'{again} '.join(branches)}{f'ELSE {default}' if default else ''}END {word}"


def _loop_sql(self: Generator, node: exp.WhileBlock) -> str:
    word, condition, body = node.args["kind"], self.sql(node, "this"), self.sql(node, "body")
    label = f"{text}: " if (text := self.sql(node, "label")) else ""
    if word == "REPEAT":
        return f"{label}REPEAT {body}UNTIL {condition} END REPEAT"
    return f"{label}{word} {f'{condition} DO ' if condition else ''}{body}END {word}"


WRITERS: dict[type[exp.Expr], Callable[[Generator, Any], str]] = {
    exp.Block: _block_sql,
    exp.DeclareItem: _declaration_sql,
    exp.EndStatement: lambda self, node: f"{node.args['kind']} {self.sql(node, 'this')}",
    exp.IfBlock: _branches_sql,
    exp.Return: lambda self, node: f"RETURN {self.sql(node, 'this')}",
    exp.SetItem: lambda self, node: f"SET {self.sql(node, 'this')} = {self.sql(node, 'expression')}",
    exp.UserDefinedFunction: _function_sql,
    exp.WhileBlock: _loop_sql,
}
"""How each is written."""
