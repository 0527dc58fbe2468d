"""Analysis: names, types and output columns of a statement, by Trino's rules."""

from __future__ import annotations

from rewrite_rules.analysis.analyze import analyze, analyze_expression, columns_noted
from rewrite_rules.analysis.model import Analysis, AnalysisContext, OutputName, ResolvedColumn

__all__ = [
    "Analysis",
    "AnalysisContext",
    "OutputName",
    "ResolvedColumn",
    "analyze",
    "analyze_expression",
    "columns_noted",
]
