"""Read the dashboards' queries from their file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("dashboards.sql")
_USER = "-- user: "


@dataclass(frozen=True, slots=True)
class Tile:
    """One query of a dashboard, and who looks at it."""

    title: str
    user: str
    sql: str

    @property
    def close(self) -> bool:
        """Tell whether two answers may differ a little: percentiles of Trino are approximate by themselves."""
        return "approx_percentile" in self.sql


def tiles(path: Path = _FILE) -> list[Tile]:
    """Return the queries in the file's order: a title and a user as comments, then the query, then a blank line."""
    found = []
    for part in path.read_text("utf-8").split("\n\n")[1:]:
        title, user, *lines = part.strip().splitlines()
        found.append(Tile(title.removeprefix("-- "), user.removeprefix(_USER), "\n".join(lines).rstrip(";")))
    return found
