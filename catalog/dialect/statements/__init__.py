"""The closed union of statement forms: what a text can be, as frozen data.

Every form carries `kind`, the name it has in usage records and refusals. Trees inside are sqlglot's. Names are raw
identifier parts (unquoted, unfolded) with their place in the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.dialect.statements.alterations import (
    AddColumn,
    Comment,
    DropColumn,
    DropNotNull,
    ExecuteProcedure,
    Rename,
    RenameColumn,
    RenameSchema,
    SetAuthorization,
    SetColumnType,
    SetProperties,
)
from catalog.dialect.statements.authority import ChangePrivileges, ChangeRoles, CreateRole, DropRole
from catalog.dialect.statements.changes import (
    Analyze,
    Delete,
    Insert,
    Merge,
    MergeCase,
    RefreshMaterializedView,
    Truncate,
    Update,
)
from catalog.dialect.statements.definitions import (
    ColumnDefinition,
    CreateMaterializedView,
    CreateSchema,
    CreateTable,
    CreateTableAs,
    CreateView,
    DropMaterializedView,
    DropSchema,
    DropTable,
    DropView,
    LikeClause,
)
from catalog.dialect.statements.parts import Pattern, QualifiedName
from catalog.dialect.statements.policies import (
    CreateColumnPolicy,
    CreateRowPolicy,
    DropPolicy,
    Grantee,
    PolicyText,
    ShowCreatePolicy,
    ShowPolicies,
)
from catalog.dialect.statements.queries import (
    Deallocate,
    DescribeInput,
    DescribeOutput,
    Execute,
    ExecuteImmediate,
    Explain,
    ExplainPolicy,
    Prepare,
    Query,
    WithSession,
)
from catalog.dialect.statements.session import (
    Argument,
    Call,
    Commit,
    ResetSession,
    ResetSessionAuthorization,
    Rollback,
    SetPath,
    SetRole,
    SetSession,
    SetSessionAuthorization,
    SetTimeZone,
    StartTransaction,
    Use,
)
from catalog.dialect.statements.shows import (
    ShowCatalogs,
    ShowColumns,
    ShowCreate,
    ShowFunctions,
    ShowGrants,
    ShowRoleGrants,
    ShowRoles,
    ShowSchemas,
    ShowSession,
    ShowStats,
    ShowTables,
)
from catalog.dialect.statements.stored_functions import CreateFunction, DropFunction

if TYPE_CHECKING:
    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A statement of Trino's that the gateway refuses by name; `kind` is that name."""

    kind: str
    location: Location


Statement = (
    Query
    | Explain
    | ExplainPolicy
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
    | CreateMaterializedView
    | CreateFunction
    | DropFunction
    | ChangePrivileges
    | ChangeRoles
    | CreateRole
    | DropRole
    | CreateSchema
    | DropTable
    | DropView
    | DropMaterializedView
    | DropSchema
    | Insert
    | Delete
    | Update
    | Merge
    | Truncate
    | Analyze
    | RefreshMaterializedView
    | Rename
    | RenameSchema
    | AddColumn
    | DropColumn
    | RenameColumn
    | SetColumnType
    | DropNotNull
    | SetProperties
    | SetAuthorization
    | ExecuteProcedure
    | Comment
    | CreateRowPolicy
    | CreateColumnPolicy
    | DropPolicy
    | ShowPolicies
    | ShowCreatePolicy
    | StartTransaction
    | Commit
    | Rollback
    | Call
    | Unsupported
)
"""Everything `parse_statement` can return."""

__all__ = [
    "AddColumn",
    "Analyze",
    "Argument",
    "Call",
    "ChangePrivileges",
    "ChangeRoles",
    "ColumnDefinition",
    "Comment",
    "Commit",
    "CreateColumnPolicy",
    "CreateFunction",
    "CreateMaterializedView",
    "CreateRole",
    "CreateRowPolicy",
    "CreateSchema",
    "CreateTable",
    "CreateTableAs",
    "CreateView",
    "Deallocate",
    "Delete",
    "DescribeInput",
    "DescribeOutput",
    "DropColumn",
    "DropFunction",
    "DropMaterializedView",
    "DropNotNull",
    "DropPolicy",
    "DropRole",
    "DropSchema",
    "DropTable",
    "DropView",
    "Execute",
    "ExecuteImmediate",
    "ExecuteProcedure",
    "Explain",
    "ExplainPolicy",
    "Grantee",
    "Insert",
    "LikeClause",
    "Merge",
    "MergeCase",
    "Pattern",
    "PolicyText",
    "Prepare",
    "QualifiedName",
    "Query",
    "RefreshMaterializedView",
    "Rename",
    "RenameColumn",
    "RenameSchema",
    "ResetSession",
    "ResetSessionAuthorization",
    "Rollback",
    "SetAuthorization",
    "SetColumnType",
    "SetPath",
    "SetProperties",
    "SetRole",
    "SetSession",
    "SetSessionAuthorization",
    "SetTimeZone",
    "ShowCatalogs",
    "ShowColumns",
    "ShowCreate",
    "ShowCreatePolicy",
    "ShowFunctions",
    "ShowGrants",
    "ShowPolicies",
    "ShowRoleGrants",
    "ShowRoles",
    "ShowSchemas",
    "ShowSession",
    "ShowStats",
    "ShowTables",
    "StartTransaction",
    "Statement",
    "Truncate",
    "Unsupported",
    "Update",
    "Use",
    "WithSession",
]
