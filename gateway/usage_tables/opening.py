"""Open a table of usage for one caller: all rows where policies grant him the table, else his own only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.objects import Table
from gateway.recording.database import store_url
from gateway.usage_tables.queries import WORDS, Asked, question
from gateway.usage_tables.sources import BUDGETS, sources_of
from gateway.usage_tables.streaming import stream
from policies.budgets.model import holders

if TYPE_CHECKING:
    from gateway.metadata.visible import View


def stored_table(url: str, table: Table, view: View) -> object:
    """Return what DuckDB reads for a table of usage. The store is asked when it reads.

    The plan filters rows by what policies say; here no more is asked for than the caller may have.
    """
    from gateway.usage_tables.dataset import StoredTable  # pyarrow comes with the lake, and takes its time

    words = WORDS[store_url(url).get_backend_name()]
    budgets = view.sight.budgets_for(view.subject) if table.name.table == BUDGETS else ()
    held = [(budget.id, holder, budget.unit) for budget in budgets for holder in holders(budget, view.subject)]
    sources = sources_of(table.name.table, words, held)
    own, user = not view.sight.visible_columns(view.subject, table), view.subject.user

    def ask(columns: Sequence[str], within: tuple[float, float]) -> Asked:
        return question(sources, words, columns, user, own, within)

    return StoredTable(table, ask, lambda asked, size: stream(url, asked, size))
