"""The connectors that there are, and those that are configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bartizan.config import ConnectorSettings
from bartizan.errors import ConfigError
from bartizan.workbench.respond.connectors.chat import Slack, Teams
from bartizan.workbench.respond.connectors.edr import Edr
from bartizan.workbench.respond.connectors.files import Blocklist, Nftables, Sinkhole
from bartizan.workbench.respond.connectors.generic import Http
from bartizan.workbench.respond.connectors.hook import Webhook
from bartizan.workbench.respond.connectors.jira import Jira
from bartizan.workbench.respond.connectors.mcp import Mcp
from bartizan.workbench.respond.connectors.misp import Misp
from bartizan.workbench.respond.connectors.pagerduty import PagerDuty
from bartizan.workbench.respond.connectors.scim import Scim
from bartizan.workbench.respond.connectors.smtp import Smtp
from bartizan.workbench.respond.connectors.syslog import Syslog
from bartizan.workbench.respond.connectors.thehive import TheHive
from bartizan.workbench.respond.contract import Connector

KINDS: Final[Mapping[str, Callable[[str, ConnectorSettings], Connector]]] = {
    "blocklist": Blocklist,
    "edr": Edr,
    "http": Http,
    "jira": Jira,
    "mcp": Mcp,
    "misp": Misp,
    "nftables": Nftables,
    "pagerduty": PagerDuty,
    "scim": Scim,
    "sinkhole": Sinkhole,
    "slack": Slack,
    "smtp": Smtp,
    "syslog": Syslog,
    "teams": Teams,
    "thehive": TheHive,
    "webhook": Webhook,
}
"""By the word that settings write; ``bartizan`` itself is always there, under that name."""
OWN: Final = "bartizan"


def connectors_of(settings: Mapping[str, ConnectorSettings]) -> dict[str, Connector]:
    """Return the configured connectors by name; raises ConfigError for the first that can't be made."""
    made = {}
    for name, each in settings.items():
        if name == OWN or each.kind not in KINDS:
            what = "is bartizan's own" if name == OWN else f"is of no kind {each.kind!r}"
            raise ConfigError(f"the connector {name} {what}", hint=f"kinds: {', '.join(KINDS)}")
        made[name] = KINDS[each.kind](name, each)
    return made
