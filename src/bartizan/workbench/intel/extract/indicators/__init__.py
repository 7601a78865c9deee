"""Indicators: candidates by RE2, refanged, validated, and judged by the words around them.

Takes in a text and its bytes, one a character. Gives out indicators with a tier and a reason, and what was set aside with a reason.
"""

from bartizan.workbench.intel.extract.indicators.finder import find

__all__ = ["find"]
