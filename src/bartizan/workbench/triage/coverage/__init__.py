"""Which techniques the loaded rules look for, and which of those rules ever had anything to look at.

Takes in how rules did (``health``). Gives out a row a technique, a layer for the ATT&CK Navigator, and the gaps: techniques
without a rule (of a list that the user brings), and techniques whose rules all wait for a log source that was never seen.
"""

from bartizan.workbench.triage.coverage.gaps import Coverage, Gap, Technique, coverage, gaps
from bartizan.workbench.triage.coverage.health import Health, RuleHealth, keep, load
from bartizan.workbench.triage.coverage.navigator import layer, wanted

__all__ = ["Coverage", "Gap", "Health", "RuleHealth", "Technique", "coverage", "gaps", "keep", "layer", "load", "wanted"]
