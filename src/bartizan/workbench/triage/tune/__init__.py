"""What analysts say of matches, turned into filters: proposed, proven on every labelled match, watched in shadow, then in force.

Takes in labels on (rule, record) and the rules. Gives out Sigma filters of few fields, the proof that no true positive is lost, what a
filter would have silenced, and for each rule whether to keep, tune or retire it. Everything is an event, so the clock can be read off.
"""

from bartizan.workbench.triage.tune.labels import Label, Labels
from bartizan.workbench.triage.tune.ratio import Advice, advise
from bartizan.workbench.triage.tune.states import KINDS, Filters, FilterState

__all__ = ["KINDS", "Advice", "FilterState", "Filters", "Label", "Labels", "advise"]
