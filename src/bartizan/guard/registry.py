"""The built-in detectors, by name."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bartizan.config import FlowSettings, GuardSettings
from bartizan.control import Factory
from bartizan.guard import hidden_text, items, rulebook, rules, secrets, tool_arguments, tool_flow
from bartizan.guard.flow.lexicon import shipped_bytes as flow_words
from bartizan.guard.scan import Scan

_PATTERNS = tuple(
    f"bartizan.guard.{name}"
    for name in ("decoding", "folding", "grammar", "holdback", "matcher", "prefix", "reading", "rulebook", "scan", "scopes", "views")
)
"""The code that every detector by patterns depends on."""
_FLOW = tuple(f"bartizan.guard.flow.{name}" for name in ("commands", "lexicon", "paths", "profile", "reading", "rules", "sql", "view"))


def builtin(settings: GuardSettings = GuardSettings()) -> Sequence[Factory]:  # noqa: B008 - frozen
    """Return the factories of the built-in detectors in the order in which they judge. Those by patterns share one pass over each text."""
    scan = Scan()
    return (
        Factory(
            descriptor=rules.DESCRIPTOR,
            build=lambda: rules.Rules((*rulebook.own(settings.rules), *rulebook.shipped("rules.toml")), scan),
            modules=("bartizan.guard.rules", *_PATTERNS),
            data=rulebook.shipped_bytes("rules.toml") + msgspec.json.encode(settings.rules, order="sorted"),
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
        ),
        Factory(
            descriptor=tool_flow.DESCRIPTOR,
            build=lambda: tool_flow.ToolFlow(_with_hosts(settings)),
            modules=("bartizan.guard.tool_flow", "bartizan.guard.egress", "bartizan.guard.strictjson", *_FLOW),
            data=flow_words() + msgspec.json.encode([settings.flow, settings.egress_hosts], order="sorted"),
        ),
        Factory(descriptor=items.DESCRIPTOR, build=items.Items, modules=("bartizan.guard.items",)),
    )


def _with_hosts(settings: GuardSettings) -> FlowSettings:
    """Return the flow settings with the hosts that are allowed anyway."""
    return msgspec.structs.replace(settings.flow, hosts=(*settings.flow.hosts, *settings.egress_hosts))
