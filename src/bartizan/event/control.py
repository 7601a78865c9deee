"""What controls are in force, and who changed them."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from bartizan.event.vocabulary import Mode, RetentionClass, Tier


class _Control(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "control"


class ControlRegistered(_Control, frozen=True, kw_only=True, omit_defaults=True, tag="control_registered.v1"):
    """A control, in this version and with this hash of its code and data, was loaded by a process."""

    control: str
    version: str
    layer: str
    owner: str
    sha256: str
    plugin: str = ""


class ControlModeChanged(_Control, frozen=True, kw_only=True, omit_defaults=True, tag="control_mode_changed.v1"):
    """A control's mode for some tiers; an empty tuple of tiers means all."""

    control: str
    mode: Mode
    tiers: tuple[Tier, ...] = ()
    reason: str = ""


class PolicyChanged(_Control, frozen=True, kw_only=True, omit_defaults=True, tag="policy_changed.v1"):
    """The policy text and rows that decide from here on; ``version`` is the SHA-256 of both, hex."""

    version: str
    cedar: str
    rows: str
    reason: str = ""


class ControlSettingsChanged(_Control, frozen=True, kw_only=True, omit_defaults=True, tag="control_settings_changed.v1"):
    """A control's data (rules, allow-lists, thresholds) from here on, as JSON."""

    control: str
    settings: str
    reason: str = ""
    approval: str = ""
    """The approval that it rests on, where the profile asks for one."""
