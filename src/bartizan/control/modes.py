"""Which control is in force for whom: mode per (control, tier), begun by settings, changed only by events."""

from __future__ import annotations

from collections.abc import Mapping

from bartizan.config import ControlSetting
from bartizan.errors import ControlError
from bartizan.event import ControlModeChanged, Mode, Tier


class Modes:
    """Modes by control and tier. ``observe`` shows every ``enforce`` as ``shadow``: nothing is stopped, everything is recorded."""

    def __init__(self, *, observe: bool = False) -> None:
        self.observe = observe
        self._modes: dict[tuple[str, Tier], Mode] = {}

    def seed(self, control: str, setting: ControlSetting | None, *, shipped: Mode = "enforce") -> None:
        """Set a control's first modes from the settings, else as it ships; raises ControlError for a tier that doesn't exist."""
        given: Mapping[str, Mode] = setting.tiers if setting else {}
        if unknown := set(given) - {tier.value for tier in Tier}:
            raise ControlError(
                f"control {control} names an unknown tier: {', '.join(sorted(unknown))}",
                hint="tiers: " + ", ".join(tier.value for tier in Tier),
            )
        for tier in Tier:
            self._modes[control, tier] = given.get(tier.value, (setting.mode or shipped) if setting else shipped)

    def change(self, change: ControlModeChanged) -> None:
        """Apply a recorded change. One for a control that is not loaded is kept too: it counts if the control comes back."""
        for tier in change.tiers or tuple(Tier):
            self._modes[change.control, tier] = change.mode

    def of(self, control: str, tier: Tier) -> Mode:
        """Return the mode in force; a control nobody has spoken of enforces."""
        mode = self._modes.get((control, tier), "enforce")
        return "shadow" if self.observe and mode == "enforce" else mode

    def wanted(self, control: str) -> bool:
        """Say whether a control runs for any tier; one that doesn't may fail to load without stopping the start."""
        return any(self.of(control, tier) != "off" for tier in Tier)
