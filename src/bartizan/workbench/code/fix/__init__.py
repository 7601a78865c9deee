"""Fixes: small patches for findings, judged by a gate before anybody sees them as fixed.

Takes in a tree and its findings. Gives out one patch a finding, or the reason why there is none, with everything that was asked of
it: ``verified``, ``unverified: no tests`` or ``rejected``. Works on a copy; the tree itself changes only where its owner says so.
"""

from bartizan.workbench.code.fix.gate import Executed, Gate, Scanner
from bartizan.workbench.code.fix.outcome import Check, Fix, State
from bartizan.workbench.code.fix.workspace import Workspace

__all__ = ["Check", "Executed", "Fix", "Gate", "Scanner", "State", "Workspace"]
