"""Refusals: one type, with code, message, detail and hint, raised by every room and rendered once per protocol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ErrorKind(Enum):
    """Name Trino's error classes; the value is the wire's `errorType`."""

    USER = "USER_ERROR"
    INTERNAL = "INTERNAL_ERROR"
    RESOURCES = "INSUFFICIENT_RESOURCES"
    EXTERNAL = "EXTERNAL"


class ErrorCode(Enum):
    """Name the Trino error codes Penstock answers with (StandardErrorCode); values are (number, class)."""

    GENERIC_USER_ERROR = (0, ErrorKind.USER)
    SYNTAX_ERROR = (1, ErrorKind.USER)
    ABANDONED_QUERY = (2, ErrorKind.USER)
    USER_CANCELED = (3, ErrorKind.USER)
    PERMISSION_DENIED = (4, ErrorKind.USER)
    NOT_FOUND = (5, ErrorKind.USER)
    FUNCTION_NOT_FOUND = (6, ErrorKind.USER)
    INVALID_FUNCTION_ARGUMENT = (7, ErrorKind.USER)
    DIVISION_BY_ZERO = (8, ErrorKind.USER)
    INVALID_CAST_ARGUMENT = (9, ErrorKind.USER)
    INVALID_VIEW = (11, ErrorKind.USER)
    ALREADY_EXISTS = (12, ErrorKind.USER)
    NOT_SUPPORTED = (13, ErrorKind.USER)
    INVALID_SESSION_PROPERTY = (14, ErrorKind.USER)
    INVALID_WINDOW_FRAME = (15, ErrorKind.USER)
    CONSTRAINT_VIOLATION = (16, ErrorKind.USER)
    TRANSACTION_CONFLICT = (17, ErrorKind.USER)
    INVALID_TABLE_PROPERTY = (18, ErrorKind.USER)
    NUMERIC_VALUE_OUT_OF_RANGE = (19, ErrorKind.USER)
    UNKNOWN_TRANSACTION = (20, ErrorKind.USER)
    NOT_IN_TRANSACTION = (21, ErrorKind.USER)
    TRANSACTION_ALREADY_ABORTED = (22, ErrorKind.USER)
    INCOMPATIBLE_CLIENT = (27, ErrorKind.USER)
    SUBQUERY_MULTIPLE_ROWS = (28, ErrorKind.USER)
    PROCEDURE_NOT_FOUND = (29, ErrorKind.USER)
    INVALID_PROCEDURE_ARGUMENT = (30, ErrorKind.USER)
    QUERY_REJECTED = (31, ErrorKind.USER)
    AMBIGUOUS_FUNCTION_CALL = (32, ErrorKind.USER)
    INVALID_SCHEMA_PROPERTY = (33, ErrorKind.USER)
    SCHEMA_NOT_EMPTY = (34, ErrorKind.USER)
    QUERY_TEXT_TOO_LARGE = (35, ErrorKind.USER)
    ADMINISTRATIVELY_KILLED = (38, ErrorKind.USER)
    INVALID_COLUMN_PROPERTY = (39, ErrorKind.USER)
    INVALID_ANALYZE_PROPERTY = (42, ErrorKind.USER)
    CATALOG_NOT_FOUND = (44, ErrorKind.USER)
    SCHEMA_NOT_FOUND = (45, ErrorKind.USER)
    TYPE_NOT_FOUND = (43, ErrorKind.USER)
    TABLE_NOT_FOUND = (46, ErrorKind.USER)
    COLUMN_NOT_FOUND = (47, ErrorKind.USER)
    ROLE_NOT_FOUND = (48, ErrorKind.USER)
    SCHEMA_ALREADY_EXISTS = (49, ErrorKind.USER)
    TABLE_ALREADY_EXISTS = (50, ErrorKind.USER)
    DUPLICATE_NAMED_QUERY = (53, ErrorKind.USER)
    DUPLICATE_COLUMN_NAME = (54, ErrorKind.USER)
    MISSING_COLUMN_NAME = (55, ErrorKind.USER)
    MISSING_CATALOG_NAME = (56, ErrorKind.USER)
    MISSING_SCHEMA_NAME = (57, ErrorKind.USER)
    TYPE_MISMATCH = (58, ErrorKind.USER)
    INVALID_LITERAL = (59, ErrorKind.USER)
    MISMATCHED_COLUMN_ALIASES = (61, ErrorKind.USER)
    AMBIGUOUS_NAME = (62, ErrorKind.USER)
    INVALID_COLUMN_REFERENCE = (63, ErrorKind.USER)
    MISSING_GROUP_BY = (64, ErrorKind.USER)
    MISSING_ORDER_BY = (65, ErrorKind.USER)
    MISSING_OVER = (66, ErrorKind.USER)
    NESTED_AGGREGATION = (67, ErrorKind.USER)
    NESTED_WINDOW = (68, ErrorKind.USER)
    EXPRESSION_NOT_IN_DISTINCT = (69, ErrorKind.USER)
    FUNCTION_NOT_WINDOW = (71, ErrorKind.USER)
    FUNCTION_NOT_AGGREGATE = (72, ErrorKind.USER)
    EXPRESSION_NOT_AGGREGATE = (73, ErrorKind.USER)
    EXPRESSION_NOT_SCALAR = (74, ErrorKind.USER)
    EXPRESSION_NOT_CONSTANT = (75, ErrorKind.USER)
    INVALID_ARGUMENTS = (76, ErrorKind.USER)
    INVALID_PRIVILEGE = (78, ErrorKind.USER)
    DUPLICATE_PROPERTY = (79, ErrorKind.USER)
    INVALID_PARAMETER_USAGE = (80, ErrorKind.USER)
    VIEW_IS_RECURSIVE = (82, ErrorKind.USER)
    NULL_TREATMENT_NOT_ALLOWED = (83, ErrorKind.USER)
    INVALID_RECURSIVE_REFERENCE = (87, ErrorKind.USER)
    MISSING_COLUMN_ALIASES = (88, ErrorKind.USER)
    INVALID_LIMIT_CLAUSE = (90, ErrorKind.USER)
    INVALID_ORDER_BY = (91, ErrorKind.USER)
    INVALID_WINDOW_REFERENCE = (93, ErrorKind.USER)
    INVALID_MATERIALIZED_VIEW_PROPERTY = (95, ErrorKind.USER)
    INVALID_LABEL = (96, ErrorKind.USER)
    INVALID_PROCESSING_MODE = (97, ErrorKind.USER)
    MISSING_ROW_PATTERN = (106, ErrorKind.USER)
    INVALID_WINDOW_MEASURE = (107, ErrorKind.USER)
    MISSING_RETURN = (126, ErrorKind.USER)
    DUPLICATE_COLUMN_OR_PATH_NAME = (127, ErrorKind.USER)
    INVALID_PATH = (113, ErrorKind.USER)
    INVALID_VIEW_PROPERTY = (130, ErrorKind.USER)
    INVALID_FUNCTION_PROPERTY = (133, ErrorKind.USER)
    GENERIC_INTERNAL_ERROR = (65536, ErrorKind.INTERNAL)
    NO_NODES_AVAILABLE = (65541, ErrorKind.INTERNAL)
    SERVER_SHUTTING_DOWN = (65545, ErrorKind.INTERNAL)
    SERVER_STARTING_UP = (65548, ErrorKind.INTERNAL)
    REMOTE_HOST_GONE = (65558, ErrorKind.INTERNAL)
    GENERIC_INSUFFICIENT_RESOURCES = (131072, ErrorKind.RESOURCES)
    EXCEEDED_GLOBAL_MEMORY_LIMIT = (131073, ErrorKind.RESOURCES)
    QUERY_QUEUE_FULL = (131074, ErrorKind.RESOURCES)
    EXCEEDED_TIME_LIMIT = (131075, ErrorKind.RESOURCES)
    ADMINISTRATIVELY_PREEMPTED = (131080, ErrorKind.RESOURCES)
    EXCEEDED_SCAN_LIMIT = (131081, ErrorKind.RESOURCES)
    GENERIC_EXTERNAL = (16777216, ErrorKind.EXTERNAL)

    @property
    def number(self) -> int:
        """Return the wire's `errorCode`."""
        return self.value[0]

    @property
    def kind(self) -> ErrorKind:
        """Return the error class."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Location:
    """Point into the user's own text: line from 1, column from 1, in code points."""

    line: int
    column: int


class Refusal(Exception):  # noqa: N818  (a refusal is an answer, not a crash)
    """Refuse a statement with a Trino error code.

    `message` goes to the client and must disclose nothing the caller may not see; `hint` says how to mend it and
    is appended to the message; `detail` stays in the gateway's log.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        location: Location | None = None,
        hint: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Keep the parts apart so that each renderer can choose."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.location = location
        self.hint = hint
        self.detail = detail

    @property
    def text(self) -> str:
        """Return the client's text in Trino's form: `line L:C: message. Hint`."""
        where = f"line {self.location.line}:{self.location.column}: " if self.location else ""
        if not self.hint:
            return f"{where}{self.message}"
        ended = self.message.endswith((".", "?", "!", ":", ";"))
        return f"{where}{self.message}{'' if ended else '.'} {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all parts, since refusals cross from the parse worker."""
        return (_rebuild, (self.code.name, self.message, self.location, self.hint, self.detail))


def _rebuild(code: str, message: str, location: Location | None, hint: str | None, detail: str | None) -> Refusal:
    return Refusal(ErrorCode[code], message, location=location, hint=hint, detail=detail)
