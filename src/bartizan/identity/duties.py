"""Roles, which of them stay apart, and how many people a tier needs: the rules are data in ``duties.toml``."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import PrincipalKind, Tier

Profile = Literal["small", "standard", "regulated"]
"""How many people share the duties; `profile` in the settings."""


class Role(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role is for, and which kinds of principal may hold it."""

    title: str
    kinds: tuple[PrincipalKind, ...]


class Apart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two roles that one person should not hold together; ``instead`` is what makes up for it where a small team must."""

    roles: tuple[str, str]
    because: str
    instead: str = ""


class Need(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a grant of a tier needs."""

    approvers: int
    delay_hours: float
    max_days: float


class Duties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``duties.toml``."""

    roles: Mapping[str, Role]
    always_apart: tuple[Apart, ...]
    merged_when_small: tuple[Apart, ...]
    assignment_approvers: Mapping[Profile, int]
    hold_approvers: Mapping[Profile, int]
    control_approvers: Mapping[Profile, int]
    profiles: Mapping[Profile, Mapping[Tier, Need]]

    def need(self, profile: Profile, tier: Tier) -> Need:
        """Return what a grant of this tier needs; public needs none and is never granted."""
        return self.profiles[profile][tier]

    def conflict(self, kind: PrincipalKind, roles: Collection[str], profile: Profile) -> str:
        """Return why these roles can't be held together by such a principal, or an empty string."""
        for role in roles:
            known = self.roles.get(role)
            if known is None:
                return f"there is no role {role!r}"
            if kind not in known.kinds:
                return f"a {kind} can't hold the role {role}"
        held = set(roles)
        apart = self.always_apart if profile == "small" else self.always_apart + self.merged_when_small
        for pair in apart:
            if held.issuperset(pair.roles):
                return f"{pair.roles[0]} and {pair.roles[1]} stay apart: {pair.because}"
        return ""

    def merged(self, roles: Collection[str]) -> tuple[Apart, ...]:
        """Return the pairs among these roles that only a small team may merge, each with what makes up for it."""
        held = set(roles)
        return tuple(pair for pair in self.merged_when_small if held.issuperset(pair.roles))

    def reachable(self, profile: Profile) -> list[frozenset[str]]:
        """Return every set of roles that a person can come to hold under the rules of assignment."""
        names = sorted(self.roles)
        subsets = itertools.chain.from_iterable(itertools.combinations(names, size) for size in range(len(names) + 1))
        return [frozenset(subset) for subset in subsets if not self.conflict("person", subset, profile)]


@cache
def duties() -> Duties:
    """Return the shipped rules."""
    text = resources.files("bartizan.identity").joinpath("duties.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Duties)


def check_roles(kind: PrincipalKind, roles: Collection[str], profile: Profile) -> None:
    """Raise RefusedError 409 ``duties_conflict`` if such a principal can't hold these roles together."""
    if why := duties().conflict(kind, roles, profile):
        raise RefusedError(
            f"assigning roles: {why}",
            code="duties_conflict",
            status=409,
            hint="give one of the roles to another person; bartizan principal duties",
        )
