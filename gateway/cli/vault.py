"""`penstock vault`: keep the values of tokenised columns, sealed, and turn single tokens back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import ConfigOption, fail, read_config

if TYPE_CHECKING:
    from catalog.objects import TableName
    from gateway.config import Config
    from gateway.vault.asked import Reveal
    from gateway.vault.filling import Filled, Place

_ABOUT = "Keep the values of tokenised columns, sealed, and turn single tokens back."
app = typer.Typer(name="vault", help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)
Table = Annotated[str, typer.Argument(help="The table: catalog.schema.table.")]
Column = Annotated[str, typer.Argument(help="Its column.")]


@app.command("fill")
def fill(
    table: Annotated[str | None, typer.Argument(help="The table; all that policies name where it is left out.")] = None,
    column: Annotated[str | None, typer.Argument(help="Its column.")] = None,
    tenant: Annotated[list[str] | None, typer.Option(help="For which tenant; may be repeated.")] = None,
    config: ConfigOption = None,
) -> None:
    """Seal the values that the vault does not keep yet. Safe to run again; reads as the user `penstock-vault`."""
    import asyncio

    loaded = read_config(config)
    if (table is None) != (column is None):
        fail("write a table and its column, or neither", code=2)
    for filled in asyncio.run(_fill(loaded, _places(table, column, tenant or []))):
        print(f"{filled.table}.{filled.column}: {filled.values} values, {filled.added} new")


def _places(table: str | None, column: str | None, tenants: list[str]) -> tuple[Place, ...]:
    from catalog.names import fold_trino
    from gateway.vault.filling import Place

    if table is None or column is None:
        return ()
    named: list[str | None] = [*tenants] or [None]
    return tuple(Place(_table_name(table), fold_trino(column), tenant) for tenant in named)


def _table_name(text: str) -> TableName:
    from catalog.names import fold_trino
    from catalog.objects import TableName

    parts = [fold_trino(part) for part in text.split(".")]
    if len(parts) != 3:
        fail(f"{text}: write catalog.schema.table", code=2)
    return TableName(*parts)


async def _fill(config: Config, chosen: tuple[Place, ...]) -> list[Filled]:
    from catalog.errors import Refusal
    from gateway.vault.filling import fill as fill_place
    from gateway.vault.filling import places
    from gateway.vault.opening import open_vault
    from gateway.vault.store import VaultError
    from policies.faults import Unfit

    try:
        async with open_vault(config) as vault:
            wanted = chosen or places(vault.policies)
            return [
                await fill_place(each, vault.policies, vault.catalog, vault.engines, vault.store) for each in wanted
            ]
    except Unfit as unfit:
        fail(str(unfit))
    except Refusal as refusal:
        fail(f"refused: {refusal.code.name}: {refusal.text}")
    except VaultError as error:
        fail(f"the vault does not answer: {error}")


@app.command("reveal")
def reveal(
    table: Table,
    column: Column,
    token: Annotated[str, typer.Argument(help="The token.")],
    user: Annotated[str, typer.Option("--user", "-u", help="As whom: the grant `reveal` is this user's.")],
    reason: Annotated[str, typer.Option(help="Why: it stands in the audit.")],
    config: ConfigOption = None,
) -> None:
    """Print the value behind a token, if the user may know it; the audit keeps who asked, for what and why."""
    import asyncio

    from catalog.errors import Refusal
    from catalog.names import fold_trino
    from gateway.vault.asked import Reveal

    loaded = read_config(config)
    asked = Reveal(_table_name(table), fold_trino(column), token, reason)
    try:
        print(asyncio.run(_reveal(loaded, asked, user)))
    except Refusal as refusal:
        fail(f"refused: {refusal.code.name}: {refusal.text}")


@app.command("encode")
def encode(config: ConfigOption = None) -> None:
    """Have HashiCorp Vault's Transform make tokens of the values on stdin, a line each; needs `vault.transform`."""
    import sys

    from gateway.vault.transform import Transform, TransformError, configured

    settings = read_config(config).vault.transform
    if settings is None:
        fail("the configuration has no vault.transform", code=2)
    try:
        tokens = Transform(configured(settings)).encode(sys.stdin.read().splitlines())
    except (TransformError, ValueError) as error:
        fail(str(error))
    print(*tokens, sep="\n", end="\n" if tokens else "")


async def _reveal(config: Config, asked: Reveal, user: str) -> str:
    import asyncio
    import contextlib

    from gateway.audit.chain import Chain
    from gateway.audit.entries import Entry
    from gateway.audit.leaving import leave_note
    from gateway.house import recording_settings
    from gateway.recording.store import UsageStore
    from gateway.vault.opening import open_vault
    from gateway.vault.revealing import reveal as reveal_value
    from policies.decisions import Subject

    async with open_vault(config) as vault:
        settings = recording_settings(config)
        audit = UsageStore(settings.store_url, chain=Chain(settings.audit_keys, settings.audit_seen))

        async def record(entry: Entry) -> None:
            await audit.insert([], [entry])
            with contextlib.suppress(OSError):  # the chain has it; a gateway of this host then tells the sinks as well
                await asyncio.to_thread(leave_note, settings.folder, entry)

        known = vault.policies
        subject = Subject(user, known.roles_of(user), known.attributes_of(user), groups=known.groups_of(user))
        try:
            table = await vault.catalog.fetch(asked.table)
            return await reveal_value(asked, subject, table, known, vault.store, record)
        finally:
            await audit.close()
