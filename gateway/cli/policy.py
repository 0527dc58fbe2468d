"""`penstock policy`: look at policies, try them out, change them, and write them for other systems."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.cli import policy_changes, policy_diff, policy_edits, policy_lint, policy_simulate, policy_test
from gateway.cli.options import ConfigOption, fail, read_config

if TYPE_CHECKING:
    from policies.exports.trino_rules import TrinoRules

policy = typer.Typer(
    name="policy",
    help="Policies: look at them, try them out, change them, and write them for others.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
policy.command("simulate")(policy_simulate.simulate)
policy.command("test")(policy_test.run_tests)
policy.command("lint")(policy_lint.lint)
policy_changes.add_to(policy)
policy_edits.add_to(policy)
policy.command("diff")(policy_diff.diff)
policy.command("diffs")(policy_diff.diffs)
policy.command("shadow")(policy_diff.shadow)


@policy.callback()
def _group() -> None:
    """Policies: look at them, try them out, change them, and write them for others."""


@policy.command("export")
def export(
    config: ConfigOption = None,
    form: Annotated[
        Literal["trino"], typer.Option(help="`trino`: rules of Trino's file-based access control.")
    ] = "trino",
    out: Annotated[
        Path | None,
        typer.Option(help="Write the rules here, and what they leave out beside them (.unexpressed.json)."),
    ] = None,
    evaluator: Annotated[
        str | None,
        typer.Option(
            help="A Trino user as whom nobody can sign in, to compute filters and masks over withheld columns."
        ),
    ] = None,
) -> None:
    """Print the policies as another system's rules; what those cannot say is closed there and listed on stderr."""
    import asyncio

    from catalog.errors import Refusal
    from gateway.config import ConfigError
    from gateway.policy_export import trino_extent
    from gateway.policy_files import PolicyError
    from policies.exports.trino_rules import trino_rules

    loaded = read_config(config)
    try:
        found = trino_rules(asyncio.run(trino_extent(loaded, evaluator)))
    except (Refusal, ConfigError, PolicyError, OSError) as error:
        fail(f"cannot export as {form}: {error.text if isinstance(error, Refusal) else error}")
    _write(found, out)


def _write(found: TrinoRules, out: Path | None) -> None:
    for each in found.unexpressed:
        people = f" (for {', '.join(each.users)})" if each.users else ""
        print(f"not expressed: {each.about}: {each.reason}{people}", file=sys.stderr)
    text = json.dumps(found.rules, indent=2)
    if out is None:
        print(text)
        return
    companion = json.dumps([asdict(each) for each in found.unexpressed], indent=2)
    try:
        out.write_text(text + "\n")
        out.with_suffix(".unexpressed.json").write_text(companion + "\n")
    except OSError as error:
        fail(f"{out}: {error.strerror}")
