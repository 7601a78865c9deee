"""``/v1/safety``: cases and appeals for whoever they are about, in whatever standing; a superset of OpenAI's safety case."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from bartizan.errors import RefusedError
from bartizan.event import ContentRead, Envelope, Event, NoticeAcknowledged, envelope
from bartizan.gateway.body import read_object
from bartizan.identity import Directory, Principal
from bartizan.monitor import Appeals, Docket, Notices, UpstreamNotices, is_subject
from bartizan.policy import Policy, Resource

PREFIX: Final = "/v1/safety/"
_MAX_ID: Final = 128
_DEPTH: Final = 4
_PAGE: Final = 100
_RECORD: Final = Resource(type="Record", id="record")


class Ledger(Protocol):
    """What the safety API needs of a ledger."""

    async def append(self, envelope: Envelope, content: bytes | None = None) -> int:
        """Append; durable when it returns."""
        ...

    def catch_up(self) -> int:
        """Fold what is new."""
        ...


class Safety:
    """Answers under ``/v1/safety``. Everything it folds is folded on the gateway's own loop."""

    def __init__(
        self,
        ledger: Ledger,
        docket: Docket,
        appeals: Appeals,
        directory: Directory,
        policy: Policy,
        notices: UpstreamNotices,
        issued: Notices,
    ) -> None:
        self._issued = issued
        self._ledger = ledger
        self._docket = docket
        self._appeals = appeals
        self._directory = directory
        self._policy = policy
        self._notices = notices

    async def serve(self, method: str, path: str, query: str, principal: Principal, body: bytes) -> Any:  # noqa: ANN401 - any JSON value
        """Answer one request; raises RefusedError 404, 405, 409 or 400."""
        match method, path.removeprefix(PREFIX).split("/"):
            case "GET", ["cases"]:
                return self._list(principal)
            case "GET", ["cases", case]:
                return await self._case(principal, case[:_MAX_ID])
            case "POST", ["cases", case, "appeal"]:
                return await self._appeal(principal, case[:_MAX_ID], body)
            case "POST", ["cases", case, "acknowledge"]:
                return await self._acknowledge(principal, case[:_MAX_ID])
            case "GET", ["standing"]:
                return self.standing(principal)
            case "GET", ["events"]:
                return self._events(principal, query)
            case _, ["cases" | "standing", *_]:
                raise RefusedError(f"{method[:20]} is not served here", code="method_not_allowed", status=405)
        raise RefusedError("nothing is served at this path", code="not_found", status=404)

    async def notice(self, path: str, headers: Mapping[bytes, bytes], body: bytes) -> dict[str, Any]:
        """Take a model provider's own safety webhook; raises RefusedError 401 when its signature does not hold."""
        upstream = path.removeprefix(f"{PREFIX}webhooks/")
        fact = self._notices.read(upstream, headers, body, at=time.time())
        if fact is not None:
            await self._append(fact, actor=f"upstream:{upstream}", account="", correlation=fact.notice, content=body)
        return {"received": True}

    def standing(self, principal: Principal) -> dict[str, Any]:
        """Return what the caller may do now, from the fold that admits their requests."""
        now = time.time()
        entry = self._directory.standing(principal.account, at=now)
        restraint = principal.restraint
        return {
            "object": "safety.standing",
            "account": principal.account,
            "standing": entry.standing,
            "tier": self._directory.tier(principal, requested=None, at=now).value,
            "case": entry.case or (restraint.case if restraint is not None else "") or None,
            "until": entry.until or None,
            "suspended_features": list(restraint.features) if restraint is not None else [],
            "step_up": restraint.step_up if restraint is not None else False,
        }

    def _events(self, principal: Principal, query: str) -> dict[str, Any]:
        """Return the notices after a cursor, for a system that asks rather than is told."""
        if principal.standing in {"suspended", "revoked"} or not self._policy.decide(principal, "case.list", _RECORD).allowed:
            raise RefusedError("the notices of others are not yours to read", code="not_permitted", status=403)
        cursor = dict(parse_qsl(query[:400])).get("after", "")
        found = self._issued.after(cursor, limit=_PAGE + 1)
        return {"object": "list", "data": list(found[:_PAGE]), "has_more": len(found) > _PAGE}

    def _list(self, principal: Principal) -> dict[str, Any]:
        files = [self._docket.file(case, evidence=False) for case in self._docket.cases(principal.account)[-100:]]
        return {"object": "list", "data": [file for file in reversed(files) if file is not None], "has_more": False}

    async def _case(self, principal: Principal, case: str) -> Any:  # noqa: ANN401 - a case file
        account = self._docket.account_of(case)
        if not (is_subject(account, principal) or (account and self._may_see(principal, case, account))):
            raise RefusedError(f"there is no case {case} that you may see", code="unknown_case", status=404)
        if (fact := self._docket.reading(case)) is not None:
            await self._append(fact, actor=principal.id, account=account, correlation=case)
        return self._docket.file(case)

    def _may_see(self, principal: Principal, case: str, account: str) -> bool:
        if principal.standing in {"suspended", "revoked"}:
            return False
        resource = Resource(type="Case", id=case, attributes={"subject": account, "proposer": ""})
        return self._policy.decide(principal, "case.show", resource).allowed

    async def _appeal(self, principal: Principal, case: str, body: bytes) -> dict[str, Any]:
        statement = read_object(body, max_depth=_DEPTH).get("statement")
        if type(statement) is not str:
            raise RefusedError("an appeal has a statement", code="invalid_statement", param="statement")
        filing = self._appeals.prepare(case, statement, actor=principal)
        if filing.entry is not None:
            await self._ledger.append(filing.entry, filing.content)
            self._ledger.catch_up()
        known = self._docket.file(case, evidence=False)
        return {"object": "safety.appeal", "id": filing.appeal, "case": case, "appeal": known.appeal if known is not None else None}

    async def _acknowledge(self, principal: Principal, case: str) -> dict[str, Any]:
        account = self._docket.account_of(case)
        if not is_subject(account, principal):
            raise RefusedError(f"there is no case {case} of yours", code="unknown_case", status=404)
        if principal.kind == "agent":
            raise RefusedError("an agent confirms nothing for its person", code="not_a_person", status=403)
        fact = NoticeAcknowledged(case=case, account=account)
        await self._append(fact, actor=principal.id, account=account, correlation=case)
        self._ledger.catch_up()
        now = self._directory.principal(principal.id, at=time.time())
        return self.standing(now if now is not None else principal)

    async def _append(self, fact: Event | ContentRead, *, actor: str, account: str, correlation: str, content: bytes | None = None) -> None:
        await self._ledger.append(envelope(fact, actor=actor, account=account, correlation=correlation), content)


def encoded(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Encode an answer."""
    return msgspec.json.encode(value)
