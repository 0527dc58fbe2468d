"""`penstock whoami`: who the admin API takes you for."""

from __future__ import annotations

from gateway.cli.calling import API, Admin, at_gateway
from gateway.cli.tables import print_json, print_table


@at_gateway
def whoami(admin: Admin) -> None:
    """Show your name, your roles and attributes as policies know them, and your roles in the admin API."""
    found = admin.call("GET", f"{API}/me").body
    print_json(found) if admin.as_json else print_table(("", "value"), found.items())
