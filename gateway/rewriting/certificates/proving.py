"""Check a rewriting before anything of it runs: what the checker does not believe is not used."""

from __future__ import annotations

from catalog.dialect.generate import generate
from catalog.materialized_views import MaterializedView
from rewrite_rules.certificates import Dossier, Rejection, check_dossier
from rewrite_rules.substitution.certificate import scan_text
from rewrite_rules.substitution.model import Ground, Rewriting


def dossier_of(rewriting: Rewriting, ground: Ground, views: tuple[MaterializedView, ...]) -> Dossier:
    """Put a rewriting's certificate together with what was known when it was made."""
    used = {use.definition.name for use in rewriting.certificate.uses}
    chosen = [view for view in views if view.name in used]
    return Dossier(
        rewriting.certificate,
        ground.tables,
        ground.facts,
        {view.name: view.freshness for view in chosen if view.freshness is not None},
        {view.name: view.bounds for view in chosen},
    )


def objections(rewriting: Rewriting, dossier: Dossier) -> tuple[Rejection, ...]:
    """Return why a rewriting must not run; nothing where it may.

    The certificate must speak of the very trees that are to run, and the checker must believe it.
    """
    certificate = dossier.certificate
    scans = {scan.name: scan_text(scan.tree) for scan in rewriting.scans}
    if certificate.rewritten != generate(rewriting.tree) or scans != {u.scan_name: u.scan for u in certificate.uses}:
        return (Rejection("text", "the certificate is of another text than the one that would run"),)
    return check_dossier(dossier)
