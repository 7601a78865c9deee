"""The built-in detectors, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import msgspec

from bartizan.config import FlowSettings, GuardSettings, JudgeSettings, UpstreamSettings
from bartizan.control import Factory
from bartizan.errors import ControlError
from bartizan.guard import (
    answered,
    changed,
    encoder,
    hidden_text,
    injection,
    items,
    judge,
    malicious_code,
    misuse,
    personal_data,
    phishing_text,
    prompt_leak,
    refusal,
    rulebook,
    rules,
    secrets,
    tool_arguments,
    tool_flow,
)
from bartizan.guard.encoder_pool import EncoderPool
from bartizan.guard.flow.lexicon import shipped_bytes as flow_words
from bartizan.guard.judged import Judged, limits_of
from bartizan.guard.learned.encoder import MODEL, VOCABULARY
from bartizan.guard.learned.weights import read_file
from bartizan.guard.outputs.judged import Answers
from bartizan.guard.scan import Scan

_PATTERNS = tuple(
    f"bartizan.guard.{name}"
    for name in ("decoding", "folding", "grammar", "holdback", "matcher", "prefix", "reading", "rulebook", "scan", "scopes", "views")
)
"""The code that every detector by patterns depends on."""
_FLOW = tuple(f"bartizan.guard.flow.{name}" for name in ("commands", "lexicon", "paths", "profile", "reading", "rules", "sql", "view"))


_HEADS = tuple(
    f"bartizan.guard.{name}"
    for name in (
        "judged",
        "decision",
        "taxonomy",
        "learned.heads",
        "learned.features",
        "learned.ngrams",
        "learned.shape",
        "learned.windows",
    )
)
_OUTPUT_HEADS = tuple(f"bartizan.guard.outputs.{name}" for name in ("features", "heads", "judged", "watch"))


def builtin(
    settings: GuardSettings = GuardSettings(),  # noqa: B008 - frozen
    upstreams: Mapping[str, UpstreamSettings] = MappingProxyType({}),
) -> Sequence[Factory]:
    """Return the factories of the built-in detectors in the order in which they judge. Those by patterns share one pass over each text."""
    scan = Scan()
    judged, answers = cache(Judged), cache(Answers)
    return (
        Factory(
            descriptor=rules.DESCRIPTOR,
            build=lambda: rules.Rules((*rulebook.own(settings.rules), *rulebook.shipped("rules.toml")), scan),
            modules=("bartizan.guard.rules", *_PATTERNS),
            data=rulebook.shipped_bytes("rules.toml") + msgspec.json.encode(settings.rules, order="sorted"),
            configure=changed.rules,
        ),
        Factory(
            descriptor=secrets.DESCRIPTOR,
            build=lambda: secrets.Secrets(secrets.read_formats(rulebook.shipped_bytes("secrets.toml")), settings.canaries, scan),
            modules=("bartizan.guard.secrets", *_PATTERNS),
            data=rulebook.shipped_bytes("secrets.toml") + msgspec.json.encode([canary.reference for canary in settings.canaries]),
        ),
        Factory(
            descriptor=hidden_text.DESCRIPTOR,
            build=lambda: hidden_text.HiddenText(scan),
            modules=("bartizan.guard.hidden_text", *_PATTERNS),
        ),
        Factory(
            descriptor=tool_arguments.DESCRIPTOR,
            build=lambda: tool_arguments.ToolArguments(
                hosts=settings.egress_hosts, denied=settings.tools_denied, listed_only=settings.egress == "listed"
            ),
            modules=("bartizan.guard.tool_arguments", "bartizan.guard.egress", "bartizan.guard.strictjson"),
            data=msgspec.json.encode([settings.egress_hosts, settings.tools_denied, settings.egress]),
            configure=lambda given: changed.tool_arguments(given, settings),
        ),
        Factory(
            descriptor=tool_flow.DESCRIPTOR,
            build=lambda: tool_flow.ToolFlow(_with_hosts(settings)),
            modules=("bartizan.guard.tool_flow", "bartizan.guard.egress", "bartizan.guard.strictjson", *_FLOW),
            data=flow_words() + msgspec.json.encode([settings.flow, settings.egress_hosts], order="sorted"),
        ),
        Factory(descriptor=items.DESCRIPTOR, build=items.Items, modules=("bartizan.guard.items",)),
        *_learned(judged),
        *_answers(scan, judged, answers),
        *_judge(settings.judge, upstreams),
    )


def _judge(settings: JudgeSettings, upstreams: Mapping[str, UpstreamSettings]) -> tuple[Factory, ...]:
    """Return the judge where one is configured."""
    if not settings.upstream:
        return ()

    def build() -> judge.Judge:
        if settings.upstream not in upstreams or not settings.model:
            raise ControlError(
                f"the judge's upstream {settings.upstream} is not configured, or it has no model", hint="[guard.judge] upstream, model"
            )
        return judge.Judge(settings, upstreams[settings.upstream])

    modules = ("bartizan.guard.judge", "bartizan.guard.strictjson", "bartizan.guard.taxonomy")
    data = msgspec.json.encode(settings, order="sorted") + rulebook.shipped_bytes("taxonomy.toml")
    return (Factory(descriptor=judge.descriptor(settings), build=build, modules=modules, data=data),)


def _with_hosts(settings: GuardSettings) -> FlowSettings:
    """Return the flow settings with the hosts that are allowed anyway."""
    return msgspec.structs.replace(settings.flow, hosts=(*settings.flow.hosts, *settings.egress_hosts))


def _learned(judged: Callable[[], Judged]) -> tuple[Factory, ...]:
    """Return the trained heads over requests; their weights are part of their fingerprint."""
    weights = _bytes("bartizan.guard.learned", "weights/manifest.json")
    return (
        Factory(
            descriptor=injection.DESCRIPTOR,
            build=lambda: injection.Injection(judged()),
            modules=("bartizan.guard.injection", *_HEADS),
            data=weights,
            configure=lambda given: injection.Injection(judged(), changed.limits(given, limits_of(judged().heads))),
        ),
        Factory(
            descriptor=misuse.DESCRIPTOR,
            build=lambda: misuse.Misuse(judged()),
            modules=("bartizan.guard.misuse", *_HEADS),
            data=weights + rulebook.shipped_bytes("taxonomy.toml"),
            configure=lambda given: misuse.Misuse(judged(), changed.limits(given, limits_of(judged().heads))),
        ),
        *((_encoder(judged, weights),) if b'"encoder.onnx"' in weights else ()),
    )


def _encoder(judged: Callable[[], Judged], weights: bytes) -> Factory:
    """Return the second stage, for weights that have one. Its child starts with the first text that the linear heads are unsure of."""

    @cache
    def pool() -> EncoderPool:
        heads = judged().heads.weights
        for name in (MODEL, VOCABULARY):
            read_file(heads.directory, name, heads.manifest)  # what is missing or changed stops the start, not the first doubtful request
        return EncoderPool()

    def build() -> encoder.EncoderHeads:
        return encoder.EncoderHeads(judged(), pool())

    def configure(given: str) -> encoder.EncoderHeads:
        return encoder.EncoderHeads(judged(), pool(), changed.limits(given, limits_of(judged().heads, stage="encoder")))

    modules = ("bartizan.guard.encoder", "bartizan.guard.encoder_pool", "bartizan.guard.encoder_worker", "bartizan.guard.learned.encoder")
    return Factory(descriptor=encoder.DESCRIPTOR, build=build, modules=(*modules, *_HEADS), data=weights, configure=configure)


def _answers(scan: Scan, judged: Callable[[], Judged], answers: Callable[[], Answers]) -> tuple[Factory, ...]:
    """Return what looks at answers alone."""
    weights = _bytes("bartizan.guard.outputs", "weights/manifest.json")
    return (
        Factory(
            descriptor=malicious_code.DESCRIPTOR,
            build=lambda: malicious_code.MaliciousCode(answers()),
            modules=("bartizan.guard.malicious_code", *_OUTPUT_HEADS),
            data=weights,
            configure=lambda given: malicious_code.MaliciousCode(changed.answers(given, "malicious_code", answers().heads)),
        ),
        Factory(
            descriptor=phishing_text.DESCRIPTOR,
            build=lambda: phishing_text.PhishingText(answers()),
            modules=("bartizan.guard.phishing_text", *_OUTPUT_HEADS),
            data=weights,
            configure=lambda given: phishing_text.PhishingText(changed.answers(given, "phishing_text", answers().heads)),
        ),
        Factory(
            descriptor=personal_data.DESCRIPTOR,
            build=lambda: personal_data.PersonalData(scan),
            modules=("bartizan.guard.personal_data", *_PATTERNS),
        ),
        Factory(descriptor=prompt_leak.DESCRIPTOR, build=prompt_leak.PromptLeak, modules=("bartizan.guard.prompt_leak",)),
        Factory(descriptor=refusal.DESCRIPTOR, build=refusal.Refusal, modules=("bartizan.guard.refusal",)),
        Factory(
            descriptor=answered.DESCRIPTOR,
            build=lambda: answered.Answered(judged(), answers()),
            modules=("bartizan.guard.answered", *_HEADS, *_OUTPUT_HEADS),
            data=weights + _bytes("bartizan.guard.learned", "weights/manifest.json"),
        ),
    )


def _bytes(package: str, name: str) -> bytes:
    """Return a data file, nothing where it is missing: building the control then says so."""
    path = files(package).joinpath(name)
    return path.read_bytes() if path.is_file() else b""
