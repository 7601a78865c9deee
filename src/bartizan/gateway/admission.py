"""From a request's bytes to an exchange: who asks, is it well-formed, is it within limits, may it be done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bartizan.config import GatewaySettings
from bartizan.control import Context, History
from bartizan.errors import RefusedError
from bartizan.event import Action, Mode, Tier, Verdict
from bartizan.gateway.body import read_object
from bartizan.gateway.dialect import Dialect, Request
from bartizan.gateway.exchange import Exchange
from bartizan.gateway.history import history_of
from bartizan.gateway.limits import Limits, Reservation
from bartizan.identity import Directory, Principal
from bartizan.model import Upstream, Upstreams
from bartizan.policy import JSON, Policy, Resource

_DEFAULT_OUTPUT: Final = 1024
"""Tokens reserved for an answer whose length the client does not limit."""
_BYTES_A_TOKEN: Final = 4
_ONCE: Final = frozenset({b"authorization", b"x-api-key", b"x-bartizan-tier", b"content-encoding", b"content-type", b"content-length"})
_TIERS: Final = {tier.value: tier for tier in Tier}


def headers_of(scope_headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers by name; raises RefusedError when one that matters stands twice, for two readers might pick differently."""
    found: dict[bytes, bytes] = {}
    for name, value in scope_headers:
        if name in found and name in _ONCE:
            raise RefusedError(f"the header {name.decode('latin-1')} stands twice", code="duplicate_header")
        found[name] = value
    return found


class Admission:
    """Decides whether a request becomes an exchange. Everything here is synchronous: microseconds, and nothing to interrupt."""

    def __init__(
        self,
        *,
        directory: Directory,
        policy: Policy,
        upstreams: Upstreams,
        limits: Limits,
        settings: GatewaySettings,
        observe: bool = False,
    ) -> None:
        self._directory = directory
        self._policy = policy
        self._upstreams = upstreams
        self._limits = limits
        self._settings = settings
        self._mode: Mode = "shadow" if observe else "enforce"
        logged = {"media": settings.media == "log", "unknown_item": settings.unknown_items == "log"}
        self._only_flagged: dict[str, Action] = {category: "flag" for category, only in logged.items() if only}

    def authenticate(self, headers: Mapping[bytes, bytes]) -> Principal:
        """Return who asks, by ``authorization: Bearer`` or ``x-api-key``; raises RefusedError 401 or 403."""
        return self._directory.authenticate(self._token(headers), at=time.time())

    def identify(self, headers: Mapping[bytes, bytes]) -> Principal:
        """Return who asks, in whatever standing: for reading one's own case and appealing. Raises RefusedError 401."""
        return self._directory.identify(self._token(headers), at=time.time())

    def _token(self, headers: Mapping[bytes, bytes]) -> str:
        bearer, key = headers.get(b"authorization"), headers.get(b"x-api-key")
        if bearer is not None and key is not None and bearer.partition(b" ")[2] != key:
            raise RefusedError("two different keys in one request", code="ambiguous_credentials", status=401)
        if bearer is not None:
            scheme, _, token = bearer.partition(b" ")
            key = token.strip() if scheme.lower() == b"bearer" else b""
        if not key:
            raise RefusedError("no API key was sent", code="missing_api_key", status=401, hint="send it as authorization: Bearer bz_...")
        return key.decode("latin-1")

    def read(self, dialect: Dialect, body: bytes, headers: Mapping[bytes, bytes]) -> Request:
        """Understand the body; raises RefusedError 400 or 415."""
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise RefusedError("compressed bodies are not read", code="compressed_body", status=415, hint="send the body uncompressed")
        fields = read_object(body, max_depth=self._settings.max_depth)
        request = self.understand(dialect, fields)
        if request.steering:
            raise RefusedError(
                f"{request.steering[0]} is not for clients to set", code="guard_steering", status=400, param=request.steering[0]
            )
        return request

    def admit(
        self,
        dialect: Dialect,
        request: Request,
        principal: Principal,
        headers: Mapping[bytes, bytes],
        *,
        exchange_id: str,
        began: float,
        size: int,
    ) -> Exchange:
        """Check tier, policy and limits; raises RefusedError 403, 404 or 429. The exchange holds a reservation that must be settled."""
        rerouted = ""
        if principal.restraint is not None:
            principal.restraint.check(request.features)
            if principal.restraint.safer_model and self._settings.safer_model not in {"", request.model}:
                rerouted = self._settings.safer_model
                request = msgspec.structs.replace(request, model=rerouted)
        tier = self._directory.tier(principal, requested=_requested(headers), at=time.time())
        upstream = self._upstreams.for_model(request.model)
        self._decide(principal, tier, request)
        context = Context(
            exchange=exchange_id,
            tenant=principal.tenant,
            account=principal.account,
            principal=principal.id,
            tier=tier,
            model=request.model,
            asked=request.segments,
            actions={**self._policy.actions(tier), **self._only_flagged} if self._only_flagged else self._policy.actions(tier),
            history=history_of(request) if request.tools else History(),
        )
        likely = size // _BYTES_A_TOKEN + (request.max_tokens or _DEFAULT_OUTPUT) * request.choices
        reservation = self._reserve(principal, tier, likely)
        exchange = Exchange(
            began=began,
            principal=principal,
            wire=dialect,
            request=request,
            upstream=upstream,
            context=context,
            reservation=reservation,
        )
        exchange.rerouted = rerouted
        return exchange

    def understand(self, dialect: Dialect, fields: dict[str, Any]) -> Request:
        """Understand a body anew whose texts were changed; raises RefusedError 400."""
        return dialect.read_request(fields, max_segments=self._settings.max_segments, max_choices=self._settings.max_choices)

    def safer(self, asked: str) -> tuple[str, Upstream]:
        """Return the model that answers where policy says ``reroute``, and its server; raises RefusedError 503 where there is none."""
        model = self._settings.safer_model
        if not model or model == asked:
            raise RefusedError(
                f"policy sends this request to a safer model than {asked}, and there is none",
                code="reroute_unavailable",
                status=503,
                hint="set [gateway] safer_model",
            )
        return model, self._upstreams.for_model(model)

    def admit_tool(
        self, principal: Principal, headers: Mapping[bytes, bytes], tool: str, *, granted: bool, exchange_id: str, size: int
    ) -> tuple[Context, Reservation]:
        """Check tier, policy and limits for one use of an MCP server; raises RefusedError 403 or 429. The reservation must be settled."""
        tier = self._directory.tier(principal, requested=_requested(headers), at=time.time())
        if not self.may_call(principal, tier, tool, granted=granted):
            raise RefusedError(
                f"you may not use the tool {tool[:140]}", code="tool_denied", status=403, hint="ask for a grant: bartizan mcp grant"
            )
        context = Context(
            exchange=exchange_id,
            tenant=principal.tenant,
            account=principal.account,
            principal=principal.id,
            tier=tier,
            model=tool,
            actions={**self._policy.actions(tier), **self._only_flagged} if self._only_flagged else self._policy.actions(tier),
        )
        return context, self._reserve(principal, tier, size // _BYTES_A_TOKEN)

    def may_call(self, principal: Principal, tier: Tier, tool: str, *, granted: bool = True) -> bool:
        """Say whether policy lets a principal call a tool."""
        facts: dict[str, JSON] = {"tier": tier.rank, "tool": tool, "granted": granted}
        return self._policy.decide(principal, "call_tool", Resource(type="Tool", id=tool), facts).allowed

    def media(self, paths: tuple[str, ...], actions: Mapping[str, Action]) -> Verdict:
        """Return the gateway's own verdict on media that nothing here can judge."""
        return _verdict("media", "media", paths, actions.get("media", "block"), "input", self._mode)

    def _reserve(self, principal: Principal, tier: Tier, tokens: int) -> Reservation:
        throttled = principal.standing == "throttled"
        try:
            return self._limits.reserve(principal.account, tier, tokens=tokens, throttled=throttled)
        except RefusedError as error:
            if throttled:
                error.case = self._directory.standing(principal.account, at=time.time()).case
            raise

    def own_verdicts(self, request: Request, actions: Mapping[str, Action]) -> list[Verdict]:
        """Return the gateway's own verdicts on a request: what no mapper knows, and media that nothing here can judge."""
        verdicts = []
        if request.unknown:
            verdicts.append(self.unknown(request.unknown, actions, layer="input"))
        if request.media:
            verdicts.append(self.media(request.media, actions))
        return verdicts

    def unknown(self, paths: tuple[str, ...], actions: Mapping[str, Action], *, layer: str) -> Verdict:
        """Return the verdict on items that no mapper knows."""
        return _verdict("unknown_items", "unknown_item", paths, actions.get("unknown_item", "block"), layer, self._mode)

    def _decide(self, principal: Principal, tier: Tier, request: Request) -> None:
        names = list(request.tools)
        if len(names) > self._settings.max_tools:
            message = f"{len(names)} tools are offered, more than {self._settings.max_tools}"
            raise RefusedError(message, code="too_many_tools", status=400, hint="offer fewer, or raise [gateway] max_tools", param="tools")
        decision = self._policy.decide(
            principal,
            "chat",
            Resource(type="Model", id=request.model),
            {"tier": tier.rank, "model": request.model, "stream": request.stream, "tools": names, "choices": request.choices},
        )
        if not decision.allowed:
            raise RefusedError(
                f"you may not use the model {request.model}", code="model_denied", status=403, hint=decision.hint, param="model"
            )
        for name in names:
            decision = self._policy.decide(
                principal, "call_tool", Resource(type="Tool", id=name), {"tier": tier.rank, "tool": name, "model": request.model}
            )
            if not decision.allowed:
                raise RefusedError(
                    f"you may not offer the tool {name[:100]}", code="tool_denied", status=403, hint=decision.hint, param="tools"
                )


def _requested(headers: Mapping[bytes, bytes]) -> Tier | None:
    value = headers.get(b"x-bartizan-tier")
    if value is None:
        return None
    tier = _TIERS.get(value.decode("latin-1").strip().lower())
    if tier is None:
        raise RefusedError("there is no such tier", code="invalid_tier", status=400, param="x-bartizan-tier", hint=", ".join(_TIERS))
    return tier


def _verdict(control: str, category: str, paths: tuple[str, ...], would: Action, layer: str, mode: Mode) -> Verdict:
    return Verdict(
        control=control,
        version="1",
        layer=layer,  # type: ignore[arg-type]  # one of Layer by every caller
        mode=mode,
        category=category,
        rule=paths[0][:100],
        score=1.0,
        would=would,
    )
