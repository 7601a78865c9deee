"""Incident response: what was planned, who ordered it, each effect before and after it happens, and what was learnt."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bartizan.event.vocabulary import RetentionClass

Deed = Literal["do", "undo"]
Ending = Literal["contained", "stopped", "refused", "undone", "undo_incomplete"]


class _Respond(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "casework"


class ResponsePlanned(_Respond, frozen=True, kw_only=True, omit_defaults=True, tag="response_planned.v1"):
    """A playbook was planned against an incident; nothing has been done. Content: the plan's exact bytes."""

    response: str
    incident: str
    playbook: str
    playbook_sha256: str
    plan_sha256: str
    actions: int
    destructive: int
    reach: int
    """How many assets and accounts the plan touches, counted by the arguments."""
    began_at: float = 0.0
    """When the first evidence of the incident is dated (UTC seconds), 0 where nobody knows."""
    raised_at: float = 0.0


class ResponseOrdered(_Respond, frozen=True, kw_only=True, omit_defaults=True, tag="response_ordered.v1"):
    """Somebody had a plan carried out, or, with ``deed`` ``undo``, what was done taken back."""

    response: str
    deed: Deed = "do"
    reason: str = ""


class ActionIntended(_Respond, frozen=True, kw_only=True, omit_defaults=True, tag="action_intended.v1"):
    """A worker is about to act; of several with one ``attempt`` the first on record holds. Content: the state found before."""

    response: str
    action: str
    """The planned action's id, such as ``block.2``."""
    deed: Deed
    attempt: int
    worker: str
    sha256: str
    """Of the action and its arguments, as approvals are bound to."""
    approval: str = ""


class ActionTaken(_Respond, frozen=True, kw_only=True, omit_defaults=True, tag="action_taken.v1"):
    """An action is done. Content: its result and the changes that were made."""

    response: str
    action: str
    deed: Deed
    attempt: int
    changed: bool
    """False where all was so already."""
    settled: bool = False
    """Whether it was found done after a crash instead of done again."""


class ActionFailed(_Respond, frozen=True, kw_only=True, omit_defaults=True, tag="action_failed.v1"):
    """An action did not succeed. Content: the message.

    With ``in_doubt`` it was cut off between effect and record and nobody can look: a person says whether it happened.
    """

    response: str
    action: str
    deed: Deed
    attempt: int
    code: str
    in_doubt: bool = False


class DoubtSettled(_Respond, frozen=True, kw_only=True, omit_defaults=True, tag="doubt_settled.v1"):
    """A person looked, and says whether an action in doubt happened."""

    response: str
    action: str
    deed: Deed
    happened: bool
    reason: str = ""


class ResponseEnded(_Respond, frozen=True, kw_only=True, omit_defaults=True, tag="response_ended.v1"):
    """A response, or its undoing, came to an end."""

    response: str
    ending: Ending
    code: str = ""


class ResponseReviewed(_Respond, frozen=True, kw_only=True, omit_defaults=True, tag="response_reviewed.v1"):
    """A person closed a response with what was learnt: evidence for whoever adapts. Times are seconds. Content: their words."""

    response: str
    incident: str
    playbook: str
    playbook_sha256: str
    label: Literal["effective", "ineffective", "excessive", "needless"]
    missed: tuple[str, ...] = ()
    """ATT&CK techniques that nothing detected."""
    detect_s: float = 0.0
    triage_s: float = 0.0
    contain_s: float = 0.0
    person_minutes: float = 0.0
