"""The connectors that there are, and those that are configured; only these are imported."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final, cast

from bartizan.config import ConnectorSettings
from bartizan.errors import ConfigError
from bartizan.workbench.respond.contract import Connector

KINDS: Final[Mapping[str, str]] = {
    "blocklist": "files:Blocklist",
    "edr": "edr:Edr",
    "http": "generic:Http",
    "jira": "jira:Jira",
    "mcp": "mcp:Mcp",
    "misp": "misp:Misp",
    "nftables": "files:Nftables",
    "pagerduty": "pagerduty:PagerDuty",
    "scim": "scim:Scim",
    "sinkhole": "files:Sinkhole",
    "slack": "chat:Slack",
    "smtp": "smtp:Smtp",
    "syslog": "syslog:Syslog",
    "teams": "chat:Teams",
    "thehive": "thehive:TheHive",
    "webhook": "hook:Webhook",
}
"""File and class by the word that settings write; ``bartizan`` itself is always there, under that name."""
OWN: Final = "bartizan"


def connectors_of(settings: Mapping[str, ConnectorSettings]) -> dict[str, Connector]:
    """Return the configured connectors by name; raises ConfigError for the first that can't be made."""
    made = {}
    for name, each in settings.items():
        if name == OWN or each.kind not in KINDS:
            what = "is bartizan's own" if name == OWN else f"is of no kind {each.kind!r}"
            raise ConfigError(f"the connector {name} {what}", hint=f"kinds: {', '.join(KINDS)}")
        file, _, kind = KINDS[each.kind].partition(":")
        module = importlib.import_module(f"bartizan.workbench.respond.connectors.{file}")
        made[name] = cast("Connector", getattr(module, kind)(name, each))
    return made
