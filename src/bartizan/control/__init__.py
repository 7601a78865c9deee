"""Controls as versioned objects: what they are, which are in force for whom, and how they are run.

Takes in segments and tool calls with their context; runs every control of a phase with its deadline and mode; gives out
verdicts, never a decision about content of its own. Knows nothing of what a control looks for.
"""

from bartizan.control.contract import (
    Context,
    Control,
    Descriptor,
    History,
    Opinion,
    Phase,
    Release,
    Segment,
    Source,
    StreamingControl,
    ToolCall,
    Watch,
)
from bartizan.control.judgement import Judgement, StreamRelease, action_of, alters, cuts, settle
from bartizan.control.modes import Modes
from bartizan.control.pool import Pool
from bartizan.control.registry import GROUP, Factory, Failed, Loaded, Loading, Planned, Registry, Skipped
from bartizan.control.runner import Runner
from bartizan.control.stream import StreamWatch

__all__ = [
    "GROUP",
    "Context",
    "Control",
    "Descriptor",
    "Factory",
    "Failed",
    "History",
    "Judgement",
    "Loaded",
    "Loading",
    "Modes",
    "Opinion",
    "Phase",
    "Planned",
    "Pool",
    "Registry",
    "Release",
    "Runner",
    "Segment",
    "Skipped",
    "Source",
    "StreamRelease",
    "StreamWatch",
    "StreamingControl",
    "ToolCall",
    "Watch",
    "action_of",
    "alters",
    "cuts",
    "settle",
]
