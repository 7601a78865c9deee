"""Fusion: what several tools say about one tree becomes few findings, each with how likely it is and why.

Takes in findings of bartizan and, by SARIF, of others. Gives out merged findings in the order in which to look at them, and what was
dropped with its reason: doubles, tests, quality remarks, the baseline, suppressions that have not run out.
"""

from bartizan.workbench.code.fusion.judged import Judgement, Judgements
from bartizan.workbench.code.fusion.kept import Baseline, Suppression, Suppressions
from bartizan.workbench.code.fusion.merge import cwe_class, merge
from bartizan.workbench.code.fusion.prior import Priors, shipped_priors
from bartizan.workbench.code.fusion.triage import Dropped, Ranked, Triage, triage

__all__ = [
    "Baseline",
    "Dropped",
    "Judgement",
    "Judgements",
    "Priors",
    "Ranked",
    "Suppression",
    "Suppressions",
    "Triage",
    "cwe_class",
    "merge",
    "shipped_priors",
    "triage",
]
