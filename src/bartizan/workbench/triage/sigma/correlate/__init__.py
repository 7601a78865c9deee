"""Sigma's correlations over a stream of matches, in event time.

Takes in matches of single-event rules, in any order within the allowed lateness. Gives out a match when a correlation begins to hold
for a group, feeds it to the correlations that build on it, and can be saved and restored at any point.
"""

from bartizan.workbench.triage.sigma.correlate.stream import CorrelationMatch, Correlator, Dropped, Occurrence, keep, names_of

__all__ = ["CorrelationMatch", "Correlator", "Dropped", "Occurrence", "keep", "names_of"]
