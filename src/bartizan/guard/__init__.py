"""What detectors see and how they see it: normalised views of text, rules as data, secrets, tool arguments, hold-back on streams.

Takes in segments and whole tool calls through ``control``'s seam, and the settings that name an organisation's own phrases, canaries
and hosts. Gives out opinions with positions in the original text, and for a stream how far it may be released. Decides nothing.
"""

from bartizan.guard.registry import builtin

__all__ = ["builtin"]
