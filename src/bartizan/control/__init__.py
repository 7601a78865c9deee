"""Controls as versioned objects: what they are, which are in force for whom, and how they are run.

Takes in segments and tool calls with their context; runs every control of a phase with its deadline and mode; gives out
verdicts, never a decision about content of its own. Knows nothing of what a control looks for.
"""

from bartizan.control.contract import (
    Context,
    Control,
    Descriptor,
    Opinion,
    Phase,
    Release,
    Segment,
    StreamingControl,
    ToolCall,
    Watch,
)

__all__ = ["Context", "Control", "Descriptor", "Opinion", "Phase", "Release", "Segment", "StreamingControl", "ToolCall", "Watch"]
