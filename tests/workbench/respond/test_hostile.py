"""Values that an attacker wrote: none becomes a template, an address, a header, a path, a line or a name of somebody else."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.config import ConnectorSettings, OperationSettings, Secret
from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.respond.arguments import canonical
from bartizan.workbench.respond.author import read_yaml
from bartizan.workbench.respond.connectors.chat import Slack
from bartizan.workbench.respond.connectors.generic import Http
from bartizan.workbench.respond.connectors.registry import KINDS, connectors_of
from bartizan.workbench.respond.connectors.smtp import Smtp
from bartizan.workbench.respond.connectors.syslog import Syslog
from bartizan.workbench.respond.connectors.web import segment
from bartizan.workbench.respond.contract import Call, Change
from bartizan.workbench.respond.incident import read_incident
from bartizan.workbench.respond.values import fill

INJECTIONS = [
    "${incident.id}",
    "${vars.secret}",
    "a\r\nX-Evil: 1",
    "a\nBcc: everybody@example.org",
    "../../admin",
    "..%2f..%2fadmin",
    "http://169.254.169.254/latest",
    "x' or userName eq 'root",
    'x" or userName pr or userName eq "',
    "\u202egnp.exe",
    "<!channel> <@U1>",
    "{{7*7}}",
    "{noformat}h1. x{noformat}",
    "8.8.8.8/0",
    "0x7f.1",
    "2130706433",
    "evil.example # bartizan:",
    "a" * 5000,
]


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_value_is_never_read_as_a_name_again(value):
    names = {"incident": {"title": value, "id": "SECRET"}, "vars": {"secret": "SECRET"}}
    assert fill("${incident.title}", names) == value
    assert "SECRET" not in str(fill("about ${incident.title}!", names))


@pytest.mark.parametrize("kind", ["ip", "network", "host", "domain", "account", "email", "url", "sha256", "word"])
@given(value=st.text(max_size=80) | st.sampled_from(INJECTIONS))
def test_a_name_is_canonical_or_refused(kind, value):
    try:
        made = canonical(kind, value)
    except ValueError:
        return
    assert made.isprintable()
    assert not set(made) & set(" \"'<>`{}|") or kind in {"url", "email"}
    assert canonical(kind, made) == made


@given(value=st.text(max_size=200))
def test_words_never_leave_their_line(value):
    assert "\n" not in canonical("line", value)
    assert "\r" not in canonical("text", value)


@given(value=st.text(max_size=60))
def test_a_segment_stays_one(value):
    made = segment(value)
    assert "/" not in made
    assert made not in {".", ".."}
    assert made.isascii()


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_path_argument_fills_one_segment_and_nothing_else(value):
    operation = OperationSettings(path="/users/{name}/lock?why={name}", body={"why": "x {name}"}, arguments={"name": "line"})
    made = Http("crm", ConnectorSettings(kind="http", url="http://127.0.0.1:9/api", operations={"lock": operation}))
    call = Call(verb="lock", arguments={"name": canonical("line", value)}, key="k", at=0)
    [change] = made.forward(call, {})
    path, _, query = change.target.removeprefix("http://127.0.0.1:9/api/users/").partition("?")
    assert path.count("/") == 1
    assert path.endswith("/lock")
    assert "&" not in query
    assert msgspec.json.decode(change.detail).keys() == {"why"}


def test_a_change_to_another_place_is_not_made(tmp_path):
    made = Http("crm", ConnectorSettings(kind="http", url="http://127.0.0.1:9/api", operations={"x": OperationSettings(path="/x")}))
    call = Call(verb="x", arguments={}, key="k", at=0)
    for target in ("http://169.254.169.254/x", "http://127.0.0.1:9/other", "https://127.0.0.1:9/api/x"):
        with pytest.raises(RefusedError) as caught:
            made.perform(call, Change(deed="POST", target=target))
        assert caught.value.code == "egress_denied"


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_mail_has_one_recipient_and_the_headers_that_we_wrote(value):
    settings = ConnectorSettings(kind="smtp", url="smtp://127.0.0.1", options={"from": "soc@example.org", "to": "duty@example.org"})
    made = Smtp("mail", settings)
    arguments = {"to": "", "subject": canonical("line", value), "text": canonical("text", value)}
    [change] = made.forward(Call(verb="send", arguments=arguments, key="k", at=0), {})
    heads = [line.partition(":")[0] for line in change.detail.partition("\r\n\r\n")[0].split("\r\n") if not line.startswith(" ")]
    assert sorted(heads) == sorted(set(heads))
    assert set(heads) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    }
    with pytest.raises(RefusedError):
        made.look(Call(verb="send", arguments={**arguments, "to": "someone@evil.example"}, key="k", at=0))


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_log_message_is_one_line_and_chat_calls_nobody(value):
    made = Syslog("log", ConnectorSettings(kind="syslog", url="udp://127.0.0.1:9"))
    call = Call(verb="write", arguments={"text": canonical("line", value), "severity": "high"}, key="k", at=0)
    assert made.forward(call, {})[0].detail.isprintable()
    slack = Slack("chat", ConnectorSettings(kind="slack", url="http://127.0.0.1:9", secret=Secret("env:X")))
    text = msgspec.json.decode(slack.forward(Call(verb="post", arguments={"text": value}, key="k", at=0), {})[0].detail)["text"]
    assert "<" not in text


def test_no_secret_is_in_a_plan_or_on_record(world):
    world.doubles.users |= {"bob": True}
    plan = world.plan("brute-force", world.incident(ip=["9.9.9.9"], user=["bob"]))
    world.run(plan)
    rooms = world.response.rooms
    words = [msgspec.json.encode(entry.body) + (rooms.ledger.content(seq) or b"") for seq, entry in rooms.ledger.events()]
    assert not any(b"hidden" in each for each in words)
    assert b"hidden" not in msgspec.json.encode(plan)


@pytest.mark.parametrize(
    "text",
    [
        "id: a\nname: a\nsteps: &x [{id: b, do: c.d}]",
        "id: a\nname: a\nsteps: [*x]",
        "id: !!python/object:os.system a",
        "id: a\nname: a\nsteps: [{id: b, do: c.d, if: x}]",
        "id: a\nname: a\nsteps: []",
        "id: a\nname: a\nsteps: [{id: b, do: c.d}, {id: b, do: c.d}]",
        "id: a\nname: a\nsteps: [{id: b, if: 'incident.ips.all(x, true)', then: [{id: c, do: c.d}]}]",
        "id: a\nname: a\nsteps: [{id: b, if: 'secrets.x', then: [{id: c, do: c.d}]}]",
        "id: a\nname: a\nsteps: [{id: b, do: c.d, with: {x: '${secrets.key}'}}]",
        "id: a\nname: a\nsteps: [{id: b, do: c.d, with: {x: [1]}}]",
        "id: a\nname: a\nsteps: " + "[{id: b, parallel: [" * 60,
        "x" * 300_000,
        "\x00",
    ],
)
def test_a_playbook_that_is_wrong_is_a_typed_error(text):
    with pytest.raises(ConfigError):
        read_yaml(text, source="x")


@given(data=st.binary(max_size=300))
def test_an_incident_that_is_wrong_is_a_typed_error(data):
    with contextlib.suppress(RefusedError):
        assert read_incident(data).id


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_connector_without_what_it_needs_is_a_typed_error(kind):
    with pytest.raises(ConfigError):
        connectors_of({"x": ConnectorSettings(kind=kind)})


def test_nobody_takes_the_place_of_bartizans_own():
    for name, kind in (("bartizan", "http"), ("x", "nonsense")):
        with pytest.raises(ConfigError):
            connectors_of({name: ConnectorSettings(kind=kind, url="http://127.0.0.1")})
