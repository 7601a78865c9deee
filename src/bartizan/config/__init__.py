"""Start-up settings: what a machine needs to start, read once from ``bartizan.toml``.

Takes in a TOML file; every unknown setting, wrong type or bare secret is an error with its line. Gives out frozen structs that
rooms get as constructor arguments. Modes, rules, policies and grants only begin here: afterwards they change by events alone.
"""

from bartizan.config.load import load, parse
from bartizan.config.secret import Secret
from bartizan.config.settings import (
    ConnectorSettings,
    ConsoleSettings,
    ControlSetting,
    FlowSettings,
    GatewaySettings,
    GuardSettings,
    IntelSettings,
    JudgeSettings,
    LedgerSettings,
    LimitSettings,
    McpServerSettings,
    McpSettings,
    MonitorSettings,
    OperationSettings,
    RespondSettings,
    RetentionSettings,
    RuleSetting,
    Settings,
    SpotlightSetting,
    UpstreamSettings,
    WebhookSettings,
)

__all__ = [
    "ConnectorSettings",
    "ConsoleSettings",
    "ControlSetting",
    "FlowSettings",
    "GatewaySettings",
    "GuardSettings",
    "IntelSettings",
    "JudgeSettings",
    "LedgerSettings",
    "LimitSettings",
    "McpServerSettings",
    "McpSettings",
    "MonitorSettings",
    "OperationSettings",
    "RespondSettings",
    "RetentionSettings",
    "RuleSetting",
    "Secret",
    "Settings",
    "SpotlightSetting",
    "UpstreamSettings",
    "WebhookSettings",
    "load",
    "parse",
]
