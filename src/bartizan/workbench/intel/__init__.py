"""Threat intelligence: from a folder of reports to indicators, techniques, actors and a brief, every statement with its quote.

Takes in hostile documents of many formats. Gives out one canonical text each, what was found in it at which offsets, and exports
in the formats that other systems take.
"""

from bartizan.workbench.intel.brief import Brief, Citation, Statement, brief
from bartizan.workbench.intel.document import Document, Failure, Flag, Quote
from bartizan.workbench.intel.found import Analysis, Report
from bartizan.workbench.intel.pipeline import Outcome, Pipeline, Source

__all__ = [
    "Analysis",
    "Brief",
    "Citation",
    "Document",
    "Failure",
    "Flag",
    "Outcome",
    "Pipeline",
    "Quote",
    "Report",
    "Source",
    "Statement",
    "brief",
]
