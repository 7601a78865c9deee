"""Validation: strangers' code is run in a sandbox that holds, to prove a finding and to run a project's tests.

Takes in a tree and a finding, or a command. Gives out ``proven``, ``plausible`` or ``refuted`` with what was run and seen, and what a
project's tests say. Refuses where the sandbox can't be had in full; there is no weaker one.
"""

from bartizan.workbench.code.validate.checks import ProjectTests, ProofCheck
from bartizan.workbench.code.validate.confine import Bounds, Confinement, ConfinementError, Ran, lend
from bartizan.workbench.code.validate.prove import Proof, prove, reproduces

__all__ = ["Bounds", "Confinement", "ConfinementError", "ProjectTests", "Proof", "ProofCheck", "Ran", "lend", "prove", "reproduces"]
