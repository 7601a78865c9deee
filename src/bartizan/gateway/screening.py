"""The request before it goes on: judged, and changed, sent elsewhere, held or stopped as policy says."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bartizan.control import Runner
from bartizan.event import Verdict
from bartizan.gateway.actions import Acts, acts_of
from bartizan.gateway.admission import Admission
from bartizan.gateway.delivery import Ended, blocked, not_redactable
from bartizan.gateway.dialect import Dialect
from bartizan.gateway.exchange import Exchange
from bartizan.gateway.holds import Holds
from bartizan.gateway.redaction import NotRedactableError, holes_of, redacted
from bartizan.gateway.safe import with_notice


class Screening:
    """Judges requests and does to them what policy says; raises Ended where that is to stop them."""

    def __init__(self, *, admission: Admission, runner: Runner, holds: Holds, dialects: Mapping[str, Dialect]) -> None:
        self._admission = admission
        self._runner = runner
        self._holds = holds
        self._dialects = dialects

    async def screen(self, exchange: Exchange, body: bytes) -> bytes:
        """Return the body that goes on, which is the client's own unless policy changes it. All controls judge whatever is decided."""
        own = self._admission.own_verdicts(exchange.request, exchange.context.actions)
        judgement = await self._runner.judge("input", exchange.request.segments, (), exchange.context)
        exchange.verdicts += own
        exchange.verdicts += judgement.verdicts
        if not own and judgement.action in {"allow", "flag"}:
            return body
        acts = acts_of((*own, *judgement.verdicts))
        exchange.notices += [name for name in acts.notices if name not in exchange.notices]
        if acts.block is not None:
            raise Ended("blocked", blocked(acts.block), acts.block)
        if acts.hold is not None:
            await self._pass_hold(exchange, body, acts.hold)
        return await self._change(exchange, body, acts)

    async def _pass_hold(self, exchange: Exchange, body: bytes, verdict: Verdict) -> None:
        """Let a held request pass if a person has approved it; else it waits."""
        standing = self._holds.standing(exchange, body)
        if standing.state != "approved":
            raise Ended("held", await self._holds.open(exchange, body, verdict), verdict)
        exchange.case = standing.case
        await self._holds.spend(exchange, standing.approval)
        actions = {name: "flag" if action == "hold" else action for name, action in exchange.context.actions.items()}
        exchange.context = msgspec.structs.replace(exchange.context, actions=actions)

    async def _change(self, exchange: Exchange, body: bytes, acts: Acts) -> bytes:
        changed = False
        if acts.redact:
            await self._redact(exchange, acts)
            changed = True
        request = exchange.request
        if acts.reroute is not None:
            model, exchange.upstream = self._admission.safer(request.model)
            exchange.rerouted = model
            request = msgspec.structs.replace(request, model=model, fields=request.fields | {"model": model})
            changed = True
        if acts.safe_completion is not None:
            request = msgspec.structs.replace(request, fields=with_notice(exchange.wire.speaks, request.fields))
            changed = True
        exchange.request = request
        return msgspec.json.encode(request.fields) if changed else body

    async def _redact(self, exchange: Exchange, acts: Acts) -> None:
        """Take out what was seen, and judge what is left: where it is still there, or can't be reached, the request is stopped."""
        verdict = acts.redact[0]
        fields = exchange.request.fields
        try:
            exchange.redactions += redacted(fields, holes_of(acts.redact))
        except NotRedactableError as error:
            raise Ended("blocked", not_redactable(), verdict) from error
        request = self._admission.understand(self._dialects[exchange.wire.name], fields)
        again = await self._runner.judge("input", request.segments, (), exchange.context)
        if acts_of(again.verdicts).redact:
            raise Ended("blocked", not_redactable(), verdict)
        exchange.request = request
