"""``bartizan bench policy``: what a decision costs, and whether it agrees with a reference under type confusion."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable

import msgspec

from bartizan.bench.policy_reference import allows, random_request
from bartizan.event import PolicyChanged, envelope
from bartizan.identity import Principal
from bartizan.policy import JSON, Policy, Resource, actions, shipped, version_of

_POLICIES = 50
_BATCH = 200


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How a number of random requests were decided by Cedar and by the reference."""

    requests: int
    allowed: int
    disagree: int
    fail_open: int
    """Allowed here, denied by the reference. Must be 0."""
    examples: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """CPU microseconds a decision (median over rounds of the mean of a batch), and the agreement."""

    policies: int
    uncached_us: float
    """The added policies are about other models, tools and actions, as in a grown policy."""
    uncached_all_evaluated_us: float
    """The added policies all have to be evaluated for the request: the worst case."""
    cached_us: float
    parse_ms: float
    agreement: Agreement


def run(*, requests: int = 100_000, rounds: int = 9, seed: int = 20_260_101) -> Report:
    """Measure."""
    member = Principal(id="person_1", account="account_1", tenant="default", kind="person", roles=("member",))
    model = Resource(type="Model", id="m")
    facts = b'{"tier":1,"model":"m","stream":true,"tokens_left":1000}'
    context: dict[str, JSON] = {"tier": 1, "model": "m", "stream": True, "tokens_left": 1000}
    begun = time.process_time()
    grown = _grown('resource == {resource}::"other{number}"', sorted(actions()))
    parse_ms = (time.process_time() - begun) * 1000
    focused = _grown("resource", ["chat"])
    focused.decide(member, "chat", model, context)
    return Report(
        policies=len(focused.engine.nodes),
        uncached_us=_cpu_us(lambda: grown.engine.decide(member, "chat", model, facts), rounds),
        uncached_all_evaluated_us=_cpu_us(lambda: focused.engine.decide(member, "chat", model, facts), rounds),
        cached_us=_cpu_us(lambda: focused.decide(member, "chat", model, context), rounds),
        parse_ms=round(parse_ms, 1),
        agreement=agree(requests=requests, seed=seed),
    )


def agree(*, requests: int, seed: int) -> Agreement:
    """Ask Cedar and the reference the same random requests, through the cache as the gateway does."""
    chance = random.Random(seed)
    policy = Policy()
    allowed = disagree = fail_open = 0
    examples: list[str] = []
    for _ in range(requests):
        request = random_request(chance)
        mine = policy.decide(request.principal, request.action, request.resource, request.context).allowed
        theirs = allows(request)
        allowed += mine
        if mine != theirs:
            disagree += 1
            fail_open += mine
            examples.append(repr(request)[:400])
    return Agreement(requests=requests, allowed=allowed, disagree=disagree, fail_open=fail_open, examples=tuple(examples[:5]))


def _grown(resource: str, names: list[str]) -> Policy:
    """Return a policy of 50 in all, the added ones over these actions and with this resource scope."""
    policy = Policy()
    extra = []
    for number in range(_POLICIES - len(policy.engine.nodes)):
        name = names[number % len(names)]
        scope = resource.format(resource=actions()[name].resource, number=number)
        extra.append(
            f'@id("extra.{number}") @doc("x") forbid (principal, action == Action::"{name}", {scope}) '
            f'when {{ principal.kind == "service" && principal.person == "person_{number}" }};'
        )
    cedar = shipped().cedar + "\n".join(extra)
    fact = PolicyChanged(version=version_of(cedar, shipped().rows), cedar=cedar, rows=shipped().rows)
    policy.fold(0, envelope(fact))
    return policy


def _cpu_us(once: Callable[[], object], rounds: int) -> float:
    costs = []
    gc.collect()
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(_BATCH):
            once()
        costs.append((time.process_time() - begun) / _BATCH * 1e6)
    return round(statistics.median(costs), 2)
