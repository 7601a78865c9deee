"""Looking back: stored log records asked by SQL, by Sigma rules, or by indicators that intel hands over as data.

Takes in records, and questions. Gives out rows, matches and alerts. A question can only read, within bounds of memory, time and rows,
and reaches neither files nor network; needs the extra ``hunt``.
"""

from bartizan.workbench.triage.hunt.indicators import Indicator, Indicators, load
from bartizan.workbench.triage.hunt.store import Answer, Bounds, Records

__all__ = ["Answer", "Bounds", "Indicator", "Indicators", "Records", "load"]
