"""What a network costs, layer by layer, and how it is wired: `analyze`."""

from __future__ import annotations

from cnncourse.analysis.result import Analysis, Row, Totals
from cnncourse.analysis.run import analyze

__all__ = ["Analysis", "Row", "Totals", "analyze"]
