"""Gather the commands; each imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import gc

import typer

from gateway.cli import (
    audit,
    budget,
    check,
    coach,
    compare,
    demo,
    doctor,
    explain,
    migrate,
    offenders,
    partner,
    policy,
    rewrite,
    serve,
    token,
    usage,
    vault,
    views,
    whoami,
)

app = typer.Typer(
    name="penstock",
    help="A governed SQL gateway that speaks the Trino protocol.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("check-config")(check.check_config)
app.command("explain")(explain.explain)
app.command("coach")(coach.coach)
app.command("offenders")(offenders.offenders)
app.command("autofix")(offenders.autofix)
app.command("whoami")(whoami.whoami)
app.command("compare")(compare.compare)
app.command("usage")(usage.usage)
app.add_typer(token.app)
app.command("doctor")(doctor.doctor)
app.command("migrate")(migrate.migrate)
app.add_typer(policy.policy)
app.add_typer(partner.app)
app.add_typer(budget.app)
app.add_typer(audit.app)
app.add_typer(vault.app)
app.add_typer(rewrite.app)
app.add_typer(views.app)


def main() -> None:
    """Run the command line."""
    gc.set_threshold(100_000, 20, 50)  # what modules are made of stays: looking through it is a tenth of a start
    app()
