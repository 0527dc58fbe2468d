"""The closed union of statement forms: what a text can be, as frozen data.

Every form carries `kind`, the name it has in usage records and refusals. Trees inside are sqlglot's. Names are raw
identifier parts (unquoted, unfolded) with their place in the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class QualifiedName:
    """Name something as written: one to four identifier parts, unfolded."""

    parts: tuple[str, ...]
    location: Location

    def __str__(self) -> str:
        """Return the dotted form for messages."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Hold the LIKE pattern of a SHOW statement and its escape character."""

    like: str
    escape: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """SELECT, WITH, VALUES, TABLE or a set operation. `text` is the source as written."""

    kind: ClassVar[str] = "SELECT"
    tree: exp.Expr
    text: str


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN or EXPLAIN ANALYZE of a statement; `text` is the inner statement as written."""

    kind: ClassVar[str] = "EXPLAIN"
    analyze: bool
    verbose: bool
    type: Literal["LOGICAL", "DISTRIBUTED", "VALIDATE", "IO"] | None
    format: Literal["TEXT", "GRAPHVIZ", "JSON"] | None
    statement: Statement
    text: str


@dataclass(frozen=True, slots=True)
class ShowCatalogs:
    """SHOW CATALOGS."""

    kind: ClassVar[str] = "SHOW CATALOGS"
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowSchemas:
    """SHOW SCHEMAS [FROM catalog]."""

    kind: ClassVar[str] = "SHOW SCHEMAS"
    catalog: QualifiedName | None = None
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowTables:
    """SHOW TABLES [FROM [catalog.]schema]."""

    kind: ClassVar[str] = "SHOW TABLES"
    schema: QualifiedName | None = None
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowColumns:
    """SHOW COLUMNS FROM table; DESCRIBE and DESC are the same statement."""

    kind: ClassVar[str] = "SHOW COLUMNS"
    table: QualifiedName
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowFunctions:
    """SHOW FUNCTIONS [FROM [catalog.]schema]."""

    kind: ClassVar[str] = "SHOW FUNCTIONS"
    schema: QualifiedName | None = None
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowSession:
    """SHOW SESSION."""

    kind: ClassVar[str] = "SHOW SESSION"
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowCreate:
    """SHOW CREATE of an object; `object_kind` is the object's kind."""

    kind: ClassVar[str] = "SHOW CREATE"
    object_kind: Literal["TABLE", "SCHEMA", "VIEW", "MATERIALIZED VIEW", "FUNCTION"]
    name: QualifiedName


@dataclass(frozen=True, slots=True)
class ShowStats:
    """SHOW STATS FOR a table or for a query; exactly one of the two is set."""

    kind: ClassVar[str] = "SHOW STATS"
    table: QualifiedName | None = None
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class ShowRoles:
    """SHOW [CURRENT] ROLES [FROM catalog]."""

    kind: ClassVar[str] = "SHOW ROLES"
    current: bool = False
    catalog: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class ShowRoleGrants:
    """SHOW ROLE GRANTS [FROM catalog]."""

    kind: ClassVar[str] = "SHOW ROLE GRANTS"
    catalog: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class ShowGrants:
    """SHOW GRANTS [ON [kind] object]."""

    kind: ClassVar[str] = "SHOW GRANTS"
    object_kind: str | None = None
    name: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class ShowBranches:
    """SHOW BRANCHES FROM table."""

    kind: ClassVar[str] = "SHOW BRANCHES"
    table: QualifiedName


@dataclass(frozen=True, slots=True)
class Use:
    """USE [catalog.]schema; parts are raw."""

    kind: ClassVar[str] = "USE"
    catalog: str | None
    schema: str
    location: Location


@dataclass(frozen=True, slots=True)
class SetSession:
    """SET SESSION [catalog.]name = expression."""

    kind: ClassVar[str] = "SET SESSION"
    name: QualifiedName
    value: exp.Expr


@dataclass(frozen=True, slots=True)
class WithSession:
    """WITH SESSION [catalog.]name = expression, ... query: properties for one query."""

    kind: ClassVar[str] = "WITH SESSION"
    settings: tuple[SetSession, ...]
    query: Query


@dataclass(frozen=True, slots=True)
class ResetSession:
    """RESET SESSION [catalog.]name."""

    kind: ClassVar[str] = "RESET SESSION"
    name: QualifiedName


@dataclass(frozen=True, slots=True)
class SetTimeZone:
    """SET TIME ZONE; `value` None means LOCAL, else a literal string or interval."""

    kind: ClassVar[str] = "SET TIME ZONE"
    value: exp.Expr | None


@dataclass(frozen=True, slots=True)
class SetPath:
    """SET PATH; each element is one or two raw parts."""

    kind: ClassVar[str] = "SET PATH"
    elements: tuple[QualifiedName, ...]


@dataclass(frozen=True, slots=True)
class SetRole:
    """SET ROLE; `role` None with `all_or_none` set for the forms ALL and NONE."""

    kind: ClassVar[str] = "SET ROLE"
    role: str | None
    all_or_none: Literal["ALL", "NONE"] | None = None
    catalog: str | None = None


@dataclass(frozen=True, slots=True)
class SetSessionAuthorization:
    """SET SESSION AUTHORIZATION user."""

    kind: ClassVar[str] = "SET SESSION AUTHORIZATION"
    user: str


@dataclass(frozen=True, slots=True)
class ResetSessionAuthorization:
    """RESET SESSION AUTHORIZATION."""

    kind: ClassVar[str] = "RESET SESSION AUTHORIZATION"


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE name FROM statement; `text` is the body exactly as written."""

    kind: ClassVar[str] = "PREPARE"
    name: str
    text: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE name [USING parameters]."""

    kind: ClassVar[str] = "EXECUTE"
    name: str
    parameters: tuple[exp.Expr, ...]
    location: Location


@dataclass(frozen=True, slots=True)
class ExecuteImmediate:
    """EXECUTE IMMEDIATE 'text' [USING parameters]; `text` is the decoded body, not yet parsed."""

    kind: ClassVar[str] = "EXECUTE IMMEDIATE"
    text: str
    parameters: tuple[exp.Expr, ...]


@dataclass(frozen=True, slots=True)
class Deallocate:
    """DEALLOCATE PREPARE name."""

    kind: ClassVar[str] = "DEALLOCATE"
    name: str
    location: Location


@dataclass(frozen=True, slots=True)
class DescribeInput:
    """DESCRIBE INPUT name."""

    kind: ClassVar[str] = "DESCRIBE INPUT"
    name: str
    location: Location


@dataclass(frozen=True, slots=True)
class DescribeOutput:
    """DESCRIBE OUTPUT name."""

    kind: ClassVar[str] = "DESCRIBE OUTPUT"
    name: str
    location: Location


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """One column of CREATE TABLE; `type` is Trino's type text."""

    name: str
    type: str
    nullable: bool
    comment: str | None
    properties: tuple[tuple[str, exp.Expr | None], ...]
    location: Location


@dataclass(frozen=True, slots=True)
class LikeClause:
    """LIKE table [INCLUDING | EXCLUDING PROPERTIES] among the elements of CREATE TABLE."""

    table: QualifiedName
    including: bool | None


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE TABLE with a column list. A property's value None is DEFAULT."""

    kind: ClassVar[str] = "CREATE TABLE"
    table: QualifiedName
    elements: tuple[ColumnDefinition | LikeClause, ...]
    replace: bool
    if_not_exists: bool
    comment: str | None
    properties: tuple[tuple[str, exp.Expr | None], ...]


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """CREATE TABLE AS query."""

    kind: ClassVar[str] = "CREATE TABLE AS SELECT"
    table: QualifiedName
    query: Query
    columns: tuple[str, ...] | None
    replace: bool
    if_not_exists: bool
    comment: str | None
    properties: tuple[tuple[str, exp.Expr | None], ...]
    with_data: bool


@dataclass(frozen=True, slots=True)
class CreateView:
    """CREATE VIEW; `query.text` is the body as written."""

    kind: ClassVar[str] = "CREATE VIEW"
    view: QualifiedName
    query: Query
    replace: bool
    security: Literal["DEFINER", "INVOKER"] | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class CreateSchema:
    """CREATE SCHEMA [catalog.]schema."""

    kind: ClassVar[str] = "CREATE SCHEMA"
    schema: QualifiedName
    if_not_exists: bool
    properties: tuple[tuple[str, exp.Expr | None], ...]


@dataclass(frozen=True, slots=True)
class DropTable:
    """DROP TABLE."""

    kind: ClassVar[str] = "DROP TABLE"
    table: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class DropView:
    """DROP VIEW."""

    kind: ClassVar[str] = "DROP VIEW"
    view: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class DropSchema:
    """DROP SCHEMA [CASCADE | RESTRICT]."""

    kind: ClassVar[str] = "DROP SCHEMA"
    schema: QualifiedName
    if_exists: bool
    cascade: bool


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT INTO table [(columns)] query."""

    kind: ClassVar[str] = "INSERT"
    table: QualifiedName
    columns: tuple[str, ...] | None
    query: Query


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE FROM table [WHERE condition]."""

    kind: ClassVar[str] = "DELETE"
    table: QualifiedName
    where: exp.Expr | None


@dataclass(frozen=True, slots=True)
class Update:
    """UPDATE table SET column = expression, ... [WHERE condition]."""

    kind: ClassVar[str] = "UPDATE"
    table: QualifiedName
    assignments: tuple[tuple[str, exp.Expr], ...]
    where: exp.Expr | None


@dataclass(frozen=True, slots=True)
class MergeCase:
    """One WHEN of a MERGE; `columns` None stands for all columns of the table, in order."""

    action: Literal["insert", "update", "delete"]
    condition: exp.Expr | None
    columns: tuple[str, ...] | None = ()
    values: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """MERGE INTO table USING source ON condition WHEN ...; `source` is a relation with its alias."""

    kind: ClassVar[str] = "MERGE"
    table: QualifiedName
    alias: str | None
    source: exp.Expr
    condition: exp.Expr
    cases: tuple[MergeCase, ...]


@dataclass(frozen=True, slots=True)
class Rename:
    """ALTER TABLE or ALTER VIEW name RENAME TO target."""

    kind: ClassVar[str] = "RENAME"
    object_kind: Literal["TABLE", "VIEW"]
    name: QualifiedName
    target: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class AddColumn:
    """ALTER TABLE table ADD COLUMN."""

    kind: ClassVar[str] = "ADD COLUMN"
    table: QualifiedName
    column: ColumnDefinition
    if_exists: bool
    if_not_exists: bool


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON an object IS text; a column's name is the last part of `name`."""

    kind: ClassVar[str] = "COMMENT"
    object_kind: Literal["TABLE", "VIEW", "COLUMN"]
    name: QualifiedName
    text: str | None


@dataclass(frozen=True, slots=True)
class StartTransaction:
    """START TRANSACTION; `modes` are upper-case texts as Trino knows them."""

    kind: ClassVar[str] = "START TRANSACTION"
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """COMMIT [WORK]."""

    kind: ClassVar[str] = "COMMIT"


@dataclass(frozen=True, slots=True)
class Rollback:
    """ROLLBACK [WORK]."""

    kind: ClassVar[str] = "ROLLBACK"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a procedure; `name` is None where it is given by position."""

    name: str | None
    value: exp.Expr
    location: Location


@dataclass(frozen=True, slots=True)
class Call:
    """CALL procedure(arguments)."""

    kind: ClassVar[str] = "CALL"
    name: QualifiedName
    arguments: tuple[Argument, ...]
    location: Location


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A statement of Trino's that the gateway refuses by name; `kind` is that name."""

    kind: str
    location: Location


Statement = (
    Query
    | Explain
    | ShowCatalogs
    | ShowSchemas
    | ShowTables
    | ShowColumns
    | ShowFunctions
    | ShowSession
    | ShowCreate
    | ShowStats
    | ShowRoles
    | ShowRoleGrants
    | ShowGrants
    | ShowBranches
    | Use
    | SetSession
    | WithSession
    | ResetSession
    | SetTimeZone
    | SetPath
    | SetRole
    | SetSessionAuthorization
    | ResetSessionAuthorization
    | Prepare
    | Execute
    | ExecuteImmediate
    | Deallocate
    | DescribeInput
    | DescribeOutput
    | CreateTable
    | CreateTableAs
    | CreateView
    | CreateSchema
    | DropTable
    | DropView
    | DropSchema
    | Insert
    | Delete
    | Update
    | Merge
    | Rename
    | AddColumn
    | Comment
    | StartTransaction
    | Commit
    | Rollback
    | Call
    | Unsupported
)
"""Everything `parse_statement` can return."""
