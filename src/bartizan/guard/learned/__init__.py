"""Trained judges of input text: is it an injection, does it ask for cyber misuse, what is it about.

Takes in one text with its origin. Gives out calibrated probabilities, the windows and cues that drove them, and whether a slower
stage should be asked. Weights are files with hashes; a missing or changed one raises ControlError, never a lower guard.
"""

from bartizan.guard.learned.cascade import Cascade, settle
from bartizan.guard.learned.decide import decisions
from bartizan.guard.learned.encoder import Encoder
from bartizan.guard.learned.heads import Heads, Reason, Scores, Stage, origin_class

__all__ = ["Cascade", "Encoder", "Heads", "Reason", "Scores", "Stage", "decisions", "origin_class", "settle"]
