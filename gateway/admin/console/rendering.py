"""Write pages: templates that escape whatever they are given, and the few forms in which values are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"


def moment(seconds: float | datetime | None) -> str:
    """Return a moment in UTC for people."""
    if seconds is None:
        return "never"
    found = seconds if isinstance(seconds, datetime) else datetime.fromtimestamp(seconds, UTC)
    return found.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def instant(seconds: float | datetime) -> str:
    """Return a moment for programs."""
    found = seconds if isinstance(seconds, datetime) else datetime.fromtimestamp(seconds, UTC)
    return found.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def number(value: float) -> str:
    """Return a number with its thousands apart, by a narrow space that no line breaks at."""
    return f"{value:,}".replace(",", "\u202f")


def octets(value: int) -> str:
    """Return a number of bytes in a unit that people read."""
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f}\u202f{unit}" if unit == "B" or size >= 100 else f"{size:.1f}\u202f{unit}"
        size /= 1000
    return f"{size:,.1f}\u202fTB"


def dollars(amount: str) -> str:
    """Return an exact amount to the cent, or to what can be seen of one that is less."""
    value = Decimal(amount)
    if value == 0 or value >= Decimal("0.01"):
        return f"{value:,.2f}"
    return f"{value:.6f}" if value >= Decimal("0.000001") else "< 0.000001"


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(
    {"moment": moment, "instant": instant, "number": number, "octets": octets, "dollars": dollars}
)


def render(template: str, status: int = 200, **context: object) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(context), status)
