"""The flow of data through an agent's tool calls: what a call does, where its values come from, and whether anybody asked for it.

Takes in a tool's definition, a call's arguments and the conversation before it, with each text's origin. Gives out findings: an
argument that was planted, an address nobody named, an act that the task doesn't ask for, a path, command or host that is more than
it seems. Pure and without a model; the detector ``tool_flow`` turns findings into opinions.
"""

from bartizan.guard.flow.profile import Profile, profile
from bartizan.guard.flow.rules import Finding, judge
from bartizan.guard.flow.view import Seen, View

__all__ = ["Finding", "Profile", "Seen", "View", "judge", "profile"]
