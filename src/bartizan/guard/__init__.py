"""What detectors see and how they see it: normalised views of text, rules as data, secrets, tool arguments, hold-back on streams.

Takes in segments and whole tool calls through ``control``'s seam, and the settings that name an organisation's own phrases, canaries
and hosts. Gives out opinions with positions in the original text, and for a stream how far it may be released. Decides nothing.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bartizan.config import GuardSettings, UpstreamSettings
from bartizan.control import Factory

__all__ = ["builtin"]


def builtin(
    settings: GuardSettings = GuardSettings(),  # noqa: B008 - frozen
    upstreams: Mapping[str, UpstreamSettings] = MappingProxyType({}),
) -> Sequence[Factory]:
    """Return the factories of the built-in detectors; their code is imported only by who asks for them."""
    from bartizan.guard import registry  # noqa: PLC0415 - who reads pins or the taxonomy needs no detector, nor numpy

    return registry.builtin(settings, upstreams)
