"""The monitor at work: it follows the record, keeps each account's and conversation's state, and raises signals exactly once.

Takes in admitted, completed and refused exchanges, grants and standings. Gives out SignalRaised for each rule, subject and month.
State stands in ``state.db``, moves with the position in the record, and comes back from the record alone.
"""

from bartizan.monitor.live.follower import Follower
from bartizan.monitor.live.projection import KINDS, SignalRow, projection, shipped, signals
from bartizan.monitor.live.rules import Rulebook

__all__ = ["KINDS", "Follower", "Rulebook", "SignalRow", "projection", "shipped", "signals"]
