"""Policy tests as data: statements by somebody, and what is expected to become of them. See docs/policy-tests.md."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.simulation.question import Question

Text = Annotated[str, Field(min_length=1, max_length=256)]
MOST_TESTS = 1_000


def _imaginable(value: datetime) -> datetime:
    """Refuse moments so far away that what is counted from them has no date any more."""
    if not 1970 <= value.year <= 9000:
        raise ValueError("the moment must lie between the years 1970 and 9000")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_imaginable)]
"""A moment that can count as the present."""
_MOST_SQL = 1 << 20


class Form(BaseModel):
    """Refuse unknown keys."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class As(Form):
    """Who asks, and in which session. What policies know of the user is added."""

    user: Text
    roles: list[Text] = Field(default_factory=list, max_length=100)
    groups: list[Text] = Field(default_factory=list, max_length=100)
    attributes: dict[Text, Annotated[str, Field(max_length=1024)]] = Field(default_factory=dict, max_length=100)
    role: Text | None = Field(None, description="The one role that the session has chosen.")
    source: Text | None = None
    time_zone: Text = "UTC"
    catalog: Text | None = None
    schema_: Text | None = Field(None, alias="schema")
    at: Moment | None = Field(None, description="The moment that counts as the present.")


class ExpectedFilter(Form):
    """What the condition on a table's rows holds."""

    contains: str = Field(min_length=1, max_length=4096)
    table: Text | None = Field(None, description="Of which table, where the statement reads several.")


class ExpectedError(Form):
    """How a statement is refused."""

    code: Text | None = None
    contains: str | None = Field(None, max_length=4096, description="Part of what the user is told.")


Rows = list[list[Any]]


class Expect(Form):
    """What is expected; what is left out is not looked at."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    decision: Literal["allow", "refuse"] | None = None
    columns: list[Text] | None = Field(None, description="The result's columns, in their order.")
    masked: list[Text] | None = Field(None, description="Exactly the columns that are read through a mask.")
    withheld: list[Text] | None = Field(None, description="Columns that the user may not see; none where it is empty.")
    filter: ExpectedFilter | Literal["none"] | None = None
    error: ExpectedError | Text | None = None
    rows: Rows | None = Field(None, max_length=10_000, description="The result, in any order; the statement is run.")
    row_count: int | None = Field(None, ge=0, description="How many rows the result has; the statement is run.")

    @model_validator(mode="after")
    def _something(self) -> Expect:
        if not self.model_fields_set:
            raise ValueError("expect at least one thing")
        if self.decision == "allow" and self.error is not None:
            raise ValueError("a statement that is allowed has no error")
        if self.decision == "refuse" and self.about_results:
            raise ValueError(f"a refused statement has no {self.about_results[0]}")
        return self

    _texts = field_validator("rows", mode="before")(lambda value: texts(value))

    @property
    def about_results(self) -> list[str]:
        """Return what is expected of an allowed statement only."""
        names = ("columns", "masked", "withheld", "filter", "rows", "row_count")
        return [name for name in names if getattr(self, name) is not None]

    @property
    def runs(self) -> bool:
        """Tell whether the statement is to be run."""
        return self.rows is not None or self.row_count is not None


class Case(Form):
    """One test."""

    name: Text
    as_: As = Field(alias="as")
    sql: str = Field(min_length=1, max_length=_MOST_SQL)
    expect: Expect

    def question(self) -> Question:
        """Return what is asked of the simulation."""
        who = self.as_
        return Question(
            who.user,
            self.sql,
            who.catalog,
            who.schema_,
            frozenset(who.roles),
            frozenset(who.groups),
            who.attributes,
            who.time_zone,
            who.role,
            who.source,
            at=who.at.timestamp() if who.at is not None else None,
        )


class DeclaredTable(Form):
    """A table that tests declare, so that no engine is asked; with rows it becomes one of an embedded lake."""

    columns: dict[Text, Text] = Field(min_length=1, description="Names and Trino types.")
    engine: Literal["trino", "clickhouse", "lake"] | None = None
    view: str | None = Field(None, description="The SQL of a view.")
    rows: Rows | None = Field(None, max_length=10_000)

    _texts = field_validator("rows", mode="before")(lambda value: texts(value))


class CaseFile(Form):
    """A file of tests."""

    policies: list[Text] = Field(default_factory=list, description="Policy files in the place of the configured ones.")
    catalog: dict[Text, DeclaredTable] = Field(default_factory=dict)
    tests: list[Case] = Field(min_length=1, max_length=MOST_TESTS)

    @model_validator(mode="after")
    def _whole(self) -> CaseFile:
        names = [case.name for case in self.tests]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two tests have the name {twice[0]}")
        for name in self.catalog:
            if name.count(".") != 2 or not all(name.split(".")):
                raise ValueError(f"`{name}` must name one table: catalog.schema.table")
        return self


def texts(value: object) -> object:
    """Return rows with YAML's dates as the texts that results have them as."""
    if not isinstance(value, list):
        return value
    return [[_plain(each) for each in row] if isinstance(row, list) else row for row in value]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else value
