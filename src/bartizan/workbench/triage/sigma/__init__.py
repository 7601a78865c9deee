"""The Sigma engine: rules that the user brings against records of any format that has Sigma's field names.

Takes in rule files (pySigma parses them) and flat records with what is known about their source. Gives out the rules that match, who
wrote them, and the rules that take no part with the reason. Cost lies in what is new: kinds of events, shapes of records and values
are looked at once.
"""

from bartizan.workbench.triage.sigma.engine import Engine
from bartizan.workbench.triage.sigma.ir import About, Correlation, NotEvaluated
from bartizan.workbench.triage.sigma.limits import Limits

__all__ = ["About", "Correlation", "Engine", "Limits", "NotEvaluated"]
