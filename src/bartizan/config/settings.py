"""The settings and their defaults; each default is the safe choice."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from bartizan.config.secret import Secret
from bartizan.event import Mode, RetentionClass, Tier


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SpotlightSetting(_Section, frozen=True, kw_only=True):
    """``[[gateway.spotlight]]``: how what tools and documents bring is set apart for a model; the first row that fits decides.

    ``delimit`` puts it between marks that nobody can guess, ``datamark`` a mark between its words, ``encode`` makes base64 of it, which
    only capable models read.
    """

    method: Literal["delimit", "datamark", "encode", "none"]
    tiers: tuple[Tier, ...] = ()
    """Empty for all."""
    models: tuple[str, ...] = ("*",)
    """Exact names or ``prefix*``, as clients ask for them."""


class GatewaySettings(_Section, frozen=True, kw_only=True):
    """``[gateway]``: where it listens and what it accepts. Sizes are bytes, times seconds."""

    host: str = "127.0.0.1"
    port: int = 8400
    max_body_bytes: int = 4 << 20
    max_depth: int = 64
    max_segments: int = 4000
    max_choices: int = 8
    max_tools: int = 128
    """Each tool on offer costs a policy decision."""
    max_held_bytes: int = 256 << 10
    max_response_bytes: int = 16 << 20
    max_concurrency: int = 512
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 60.0
    chunk_timeout_s: float = 60.0
    total_timeout_s: float = 600.0
    retries: int = 1
    unknown_items: Literal["block", "log"] = "block"
    """What happens to a body's item or field that no mapper knows."""
    media: Literal["block", "log"] = "block"
    """Images, files and audio: nothing here can judge them yet, so they are blocked unless you say ``log``."""
    safer_model: str = ""
    """The safer or less capable model, of one of the upstreams, that answers where policy says ``reroute`` and an account that is under
    friction; either is told so. Empty for none: then the first is refused and the second only slower."""
    spotlight: tuple[SpotlightSetting, ...] = ()
    end_user: Literal["replace", "keep"] = "replace"
    """A client's own ``user``, ``safety_identifier`` or ``metadata.user_id`` may be a name; ours is a pseudonym."""


class UpstreamSettings(_Section, frozen=True, kw_only=True):
    """``[upstreams.NAME]``: a model server. ``models`` are exact names or ``prefix*``; none means those the server lists."""

    kind: Literal["openai", "anthropic"]
    url: str
    key: Secret | None = None
    models: tuple[str, ...] = ("*",)
    ca_file: str = ""
    webhook_secret: Secret | None = None
    """The secret that signs this provider's own safety webhooks, posted to ``/v1/safety/webhooks/NAME``."""


class McpServerSettings(_Section, frozen=True, kw_only=True):
    """``[mcp.servers.NAME]``: a server of tools, reached by streamable HTTP under ``/mcp/NAME``."""

    url: str
    key: Secret | None = None
    """Sent as a bearer token; clients' own credentials never reach the server."""
    ca_file: str = ""
    pins: Literal["required", "first_use"] = "required"
    """Whether a tool that nobody pinned is refused, or pinned as it is first seen."""
    grants: Literal["policy", "required"] = "policy"
    """Whether policy alone says who may call, or a grant of the tool is needed besides."""
    client_requests: Literal["refuse", "guard"] = "refuse"
    """What happens when the server asks its client for a completion, for input or for its roots."""
    results: Literal["untrusted", "trusted", "secret"] = "untrusted"
    """How what its tools return is labelled for the flow of data; a tool's own label in ``labels`` goes before it."""
    labels: dict[str, Literal["untrusted", "trusted", "secret"]] = {}
    approve: tuple[str, ...] = ()
    """Tools (``*`` for any characters) of which each call waits for a person's consent; two for a destructive one."""


class McpSettings(_Section, frozen=True, kw_only=True):
    """``[mcp]``: servers of tools, and who may speak to them. ``hosts`` and ``origins`` are allowed besides loopback."""

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    max_sessions: int = 256
    session_minutes: float = 60.0
    max_message_bytes: int = 4 << 20
    max_messages: int = 10_000
    """How many messages one stream of a server may carry."""
    recheck_s: float = 60.0
    """How old our knowledge of a server's tools may be before a call waits for it to be read again."""
    approval_minutes: float = 15.0
    """How long a consent to one call may be used."""
    secrets: dict[str, Secret] = {}
    """Put in place of ``{{secret:NAME}}`` in the arguments of an allowed call; scrubbed from what comes back."""
    secret_tools: dict[str, tuple[str, ...]] = {}
    """Which tools (``server/tool``) each secret may go to; none unless named."""
    servers: dict[str, McpServerSettings] = {}


class LimitSettings(_Section, frozen=True, kw_only=True):
    """``[limits.TIER]``: what one account may use at that tier; 0 is no limit."""

    requests_per_minute: int = 600
    concurrent: int = 32
    tokens_per_minute: int = 200_000


class ConsoleSettings(_Section, frozen=True, kw_only=True):
    """``[console]``: pages for people, on a listener of their own."""

    host: str = "127.0.0.1"
    port: int = 8401
    session_hours: float = 8.0
    origins: tuple[str, ...] = ()
    """Addresses under which people reach it besides loopback, such as ``https://bartizan.example.org``; other names are refused."""


class LedgerSettings(_Section, frozen=True, kw_only=True):
    """``[ledger]``: ``origin`` names the log in its checkpoints; ``linger_ms`` is how long a busy batch waits for company."""

    origin: str = "bartizan.local/log"
    linger_ms: float = 2.0
    max_batch: int = 512


class RetentionSettings(_Section, frozen=True, kw_only=True):
    """``[retention]``: days until the keys of personal text (content) and of facts are destroyed, by class.

    Facts about people, controls and cases are what the present state is folded from: once they are gone a principal, a key or a mode is
    unknown, so they are kept for ten years.
    """

    content_days: dict[RetentionClass, int] = msgspec.field(
        default_factory=lambda: _days(exchange=30, identity=1095, control=1095, casework=365, ledger=1095, operations=90)
    )
    facts_days: dict[RetentionClass, int] = msgspec.field(
        default_factory=lambda: _days(exchange=400, identity=3650, control=3650, casework=3650, ledger=3650, operations=400)
    )


def _days(**days: int) -> dict[RetentionClass, int]:
    return {name: days[name] for name in get_args(RetentionClass)}


class WebhookSettings(_Section, frozen=True, kw_only=True):
    """``[monitor.webhooks.NAME]``: where notices are sent, signed with ``secret`` as Standard Webhooks has it."""

    url: str
    secret: Secret
    ca_file: str = ""


class MonitorSettings(_Section, frozen=True, kw_only=True):
    """``[monitor]``: what detection adds to its own rules, and what enforcement tells other systems."""

    webhooks: dict[str, WebhookSettings] = {}
    rules: str = ""
    """File of your own rules, in CEL; see docs/monitor.md. One that can't be read stops the monitor."""
    trend_accounts: Annotated[int, msgspec.Meta(ge=5)] = 5
    """Fewest accounts that a figure of the trends may be about. Never lower it again: two views of the same weeks tell more than one."""


class RuleSetting(_Section, frozen=True, kw_only=True):
    """``[[guard.rules]]``: a phrase or RE2 pattern of your own. Phrases match under every normalisation."""

    id: str
    phrase: str = ""
    pattern: str = ""
    category: str = "blocked_phrase"
    phases: tuple[Literal["input", "output", "tool"], ...] = ("input", "output", "tool")


class ControlSetting(_Section, frozen=True, kw_only=True):
    """``[guard.controls.ID]``: a control's first mode, for all tiers or by tier, else as it ships; later changes are events."""

    mode: Mode | None = None
    tiers: dict[str, Mode] = {}


class FlowSettings(_Section, frozen=True, kw_only=True):
    """``[guard.flow]``: what you say of the tools that agents use; each default is in force where nobody said anything."""

    labels: dict[str, Literal["trusted", "untrusted", "secret"]] = {}
    """By tool: how what it returns is labelled. Unnamed ones are untrusted."""
    hosts: tuple[str, ...] = ()
    """Hosts that calls may always reach: ``example.org``, ``*.example.org``; others must come from the task."""
    roots: tuple[str, ...] = ()
    """Directories that paths in arguments must stay in; without any, paths must not climb."""
    programs: tuple[str, ...] = ()
    """Programs that commands may start without the task naming them: ``git``, ``git status``."""
    denied: tuple[str, ...] = ()
    """Tools that nobody may call."""
    free: tuple[str, ...] = ()
    """Tools that change nothing that matters, whatever their words say."""


class JudgeSettings(_Section, frozen=True, kw_only=True):
    """``[guard.judge]``: a model that is asked for its opinion; without ``upstream`` there is no such control."""

    upstream: str = ""
    """A name under ``[upstreams]``. What is judged goes there: choose one that may see it."""
    model: str = ""
    phases: tuple[Literal["input", "output"], ...] = ("input",)
    """Answers are judged whole; with ``output`` a streamed one counts as not judged."""
    deadline_s: float = 10.0
    calls_per_minute: int = 30
    max_characters: int = 24_000
    """Of quoted JSON; a longer exchange counts as not judged."""
    max_tokens: int = 120
    counts: float = 0.5
    """The probability from which on it counts."""
    on_error: Literal["block", "flag", "pass"] = "block"


class GuardSettings(_Section, frozen=True, kw_only=True):
    """``[guard]``: the data that detectors start with."""

    rules: tuple[RuleSetting, ...] = ()
    canaries: tuple[Secret, ...] = ()
    """Tokens planted where no model should repeat them; any appearance in an answer or tool call is a leak."""
    egress_hosts: tuple[str, ...] = ()
    """Hosts that tool arguments may name: ``example.org`` or ``*.example.org``."""
    tools_denied: tuple[str, ...] = ()
    egress: Literal["listed", "asked"] = "listed"
    """Whether arguments may name listed hosts only, or also those that the flow rules find in the task."""
    flow: FlowSettings = FlowSettings()
    judge: JudgeSettings = JudgeSettings()
    controls: dict[str, ControlSetting] = {}
    plugins: tuple[str, ...] = ()
    """Distributions whose detectors may run in our process."""


class IntelSettings(_Section, frozen=True, kw_only=True):
    """``[intel]``: reading threat reports."""

    unmarked_tlp: Literal["clear", "green", "amber", "amber+strict", "red"] = "amber"
    """What a report counts as that states no Traffic Light Protocol level."""
    model: str = ""
    """The model that may write briefs, through the gateway; none by default, and then briefs are quotes."""
    model_tlp: Literal["clear", "green", "amber", "amber+strict", "red"] = "green"
    """Quotes of reports above this level are in no prompt."""
    private_hosts: tuple[str, ...] = ()
    """Hosts with private addresses that reports may be fetched from; all others must be public."""
    max_pages: int = 5000


class OperationSettings(_Section, frozen=True, kw_only=True):
    """``[respond.connectors.NAME.operations.VERB]``: one thing that a generic connector can do; see docs/respond.md."""

    effect: Literal["read", "reversible", "destructive"] = "destructive"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = ""
    """Path below the connector's address; ``{name}`` stands for an argument, percent-encoded."""
    body: dict[str, str] = {}
    """Members of the JSON body; ``{name}`` stands for an argument."""
    arguments: dict[str, str] = {}
    """Kind of each argument (ip, host, account, line ...), with ``!`` behind it where it names an asset or account."""
    undo: str = ""
    """The operation that takes it back; without one nothing does."""
    look: str = ""
    """The operation that reads whether it is done, and ``done``, the member of its answer that is true then."""
    done: str = "done"
    tool: str = ""
    """For ``mcp``: the tool's name, where it is not the operation's."""


class ConnectorSettings(_Section, frozen=True, kw_only=True):
    """``[respond.connectors.NAME]``: a system that playbooks may act on, under the name that they call it by."""

    kind: str
    url: str = ""
    """The one address that it may reach."""
    secret: Secret | None = None
    ca_file: str = ""
    file: str = ""
    """For connectors that write a file."""
    openapi: str = ""
    """For ``http``: an OpenAPI 3 document; its operations are verbs."""
    options: dict[str, str] = {}
    operations: dict[str, OperationSettings] = {}


class RespondSettings(_Section, frozen=True, kw_only=True):
    """``[respond]``: what playbooks may do here."""

    protected: tuple[str, ...] = ()
    """What nothing may touch: addresses, networks, names, ``*.names``, accounts."""
    aliases: dict[str, tuple[str, ...]] = {}
    """Further names and addresses of an asset; protecting one protects all."""
    unattended_reach: Annotated[int, msgspec.Meta(ge=0)] = 10
    """A reversible action that reaches more assets and accounts waits for a person."""
    approval_minutes: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    playbooks: str = ""
    """Folder of your own playbooks, YAML or CACAO JSON; one with a shipped one's id takes its place."""
    database: Secret | None = None
    """PostgreSQL address for durable work; without one it is a file in the data directory."""
    connectors: dict[str, ConnectorSettings] = {}


def _limits() -> dict[Tier, LimitSettings]:
    return {
        Tier.PUBLIC: LimitSettings(requests_per_minute=60, concurrent=4, tokens_per_minute=40_000),
        Tier.VERIFIED: LimitSettings(),
        Tier.TRUSTED: LimitSettings(requests_per_minute=1200, concurrent=64, tokens_per_minute=1_000_000),
        Tier.RESTRICTED: LimitSettings(requests_per_minute=1200, concurrent=64, tokens_per_minute=1_000_000),
    }


class Settings(_Section, frozen=True, kw_only=True):
    """The whole of ``bartizan.toml``; an empty file is a working one."""

    gateway: GatewaySettings = GatewaySettings()
    console: ConsoleSettings = ConsoleSettings()
    ledger: LedgerSettings = LedgerSettings()
    retention: RetentionSettings = RetentionSettings()
    guard: GuardSettings = GuardSettings()
    monitor: MonitorSettings = MonitorSettings()
    upstreams: dict[str, UpstreamSettings] = {}
    mcp: McpSettings = McpSettings()
    intel: IntelSettings = IntelSettings()
    respond: RespondSettings = RespondSettings()
    limits: dict[Tier, LimitSettings] = msgspec.field(default_factory=_limits)
    profile: Literal["small", "standard", "regulated"] = "small"
    """How many people share the duties: ``small`` merges some, names them and makes up for it with delay and notice."""
