"""Certificates of rewritings, and the checker that believes none: it shares no code with the matcher."""

from __future__ import annotations

from rewrite_rules.certificates.check import Rejection, check, check_dossier
from rewrite_rules.certificates.document import Dossier, from_json, id_of, to_json

__all__ = ["Dossier", "Rejection", "check", "check_dossier", "from_json", "id_of", "to_json"]
