"""Controls with settings that people changed while bartizan runs: thresholds, rules and lists, as JSON, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from bartizan.config import GuardSettings, RuleSetting
from bartizan.errors import ControlError
from bartizan.event import Tier
from bartizan.guard import rulebook
from bartizan.guard.decision import Limits
from bartizan.guard.outputs.heads import OutputHeads
from bartizan.guard.outputs.judged import Answers
from bartizan.guard.rules import Rules
from bartizan.guard.scan import Scan
from bartizan.guard.tool_arguments import ToolArguments

_T = TypeVar("_T")
_Probability = Annotated[float, msgspec.Meta(gt=0, le=1)]
"""Never above 1: whoever wants a control silent switches it off, which shows."""


class _Changed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _Rules(_Changed, frozen=True, kw_only=True):
    rules: tuple[RuleSetting, ...] = ()


class _Tools(_Changed, frozen=True, kw_only=True):
    egress_hosts: tuple[str, ...] | None = None
    tools_denied: tuple[str, ...] | None = None
    egress: Literal["listed", "asked"] | None = None


_Name = Literal["injection_user", "injection_data", "low", "high", "prohibited"]


class _Limits(_Changed, frozen=True, kw_only=True):
    thresholds: dict[_Name, dict[Tier, _Probability]] = {}


class _Answer(_Changed, frozen=True, kw_only=True):
    threshold: _Probability


def rules(given: str) -> Rules:
    """Return the rules with an organisation's own replaced: ``{"rules": [{"id", "phrase" or "pattern", "category", "phases"}]}``.

    It looks at texts in a pass of its own, since the old one may still be judging in the shared one.
    """
    return Rules((*rulebook.own(_read(given, _Rules).rules), *rulebook.shipped("rules.toml")), Scan())


def tool_arguments(given: str, settings: GuardSettings) -> ToolArguments:
    """Return the check of tool calls with lists replaced: ``{"egress_hosts": [...], "tools_denied": [...], "egress": "listed"}``."""
    new = _read(given, _Tools)
    return ToolArguments(
        hosts=settings.egress_hosts if new.egress_hosts is None else new.egress_hosts,
        denied=settings.tools_denied if new.tools_denied is None else new.tools_denied,
        listed_only=(new.egress or settings.egress) == "listed",
    )


def limits(given: str, shipped: Limits) -> Limits:
    """Return thresholds with some replaced: ``{"thresholds": {"injection_user": {"public": 0.97}}}``; the rest stay as shipped.

    Raises ControlError also where one would be lower at a higher tier.
    """
    new: dict[str, Mapping[Tier, float]] = {name: table for name, table in _read(given, _Limits).thresholds.items()}  # noqa: C416 - widens the key
    tables: dict[str, Any] = {name: {**getattr(shipped, name), **table} for name, table in new.items()}
    return msgspec.structs.replace(shipped, **tables)


def answers(given: str, head: str, heads: OutputHeads) -> Answers:
    """Return the heads over answers with one's threshold replaced: ``{"threshold": 0.97}``."""
    return Answers(lambda: heads, {head: _read(given, _Answer).threshold})


def _read(given: str, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(given, type=kind)
    except msgspec.DecodeError as error:
        raise ControlError(f"reading the settings of a control: {error}") from error
