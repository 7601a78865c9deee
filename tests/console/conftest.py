"""A whole console over a real ledger in a temporary directory, people of every role, and a browser of thirty lines."""

import asyncio
import random
import subprocess
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest
import re2

from bartizan.casework import Casebook, Desk
from bartizan.config import LedgerSettings, RespondSettings, Settings
from bartizan.console import Console
from bartizan.control import Descriptor, Factory, Failed, Modes, Registry, Skipped
from bartizan.event import (
    ExchangeAdmitted,
    ExchangeCompleted,
    RequestRefused,
    Span,
    Tier,
    Timings,
    Verdict,
    envelope,
    new_id,
)
from bartizan.gateway import projection
from bartizan.guard.pins import Pins
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.monitor import Monitor
from bartizan.policy import Policy
from bartizan.store.projection import Projection, Projections
from bartizan.workbench.code.finding import Finding, Step
from bartizan.workbench.code.fix.outcome import Check, Fix
from bartizan.workbench.code.fix.workspace import unified
from bartizan.workbench.code.record import Kept, keep
from bartizan.workbench.code.validate.prove import Proof
from bartizan.workbench.intel.shelf import Shelf
from bartizan.workbench.respond.assets import Protected
from bartizan.workbench.respond.book import Book as Responses
from bartizan.workbench.respond.connectors.enforcement import Enforcement
from bartizan.workbench.respond.consent import Consents
from bartizan.workbench.respond.engine import Engine
from bartizan.workbench.respond.incident import Incident, Named
from bartizan.workbench.respond.library import Library
from bartizan.workbench.respond.planner import Planner
from bartizan.workbench.respond.responding import Responding
from bartizan.workbench.triage.incident.book import Book

NOW = 1_795_000_000.0
ROLES = ("operator", "approver", "reviewer", "privacy", "auditor", "admin")
_TOKEN = re2.compile(r'name="csrf" value="([^"]*)"')


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return msgspec.json.decode(self.body)


class Browser:
    """Speaks to the app as a browser without JavaScript would: keeps cookies, sends Origin with forms."""

    def __init__(self, app, clock):
        self.app, self.clock, self.cookies = app, clock, {}

    def get(self, url, **headers):
        return self.send("GET", url, headers=headers)

    def post(self, url, form, *, origin="http://127.0.0.1:8401", **headers):
        headers = {"content-type": "application/x-www-form-urlencoded", **headers} | ({"origin": origin} if origin else {})
        return self.send("POST", url, urlencode(form).encode(), headers=headers)

    def token(self, url):
        found = _TOKEN.search(self.get(url).text)
        return found.group(1) if found else ""

    def submit(self, page, action, **form):
        return self.post(action, {"csrf": self.token(page), **form})

    def sign_in(self, key):
        answer = self.submit("/sign-in", "/sign-in", key=key)
        assert answer.status == 303, answer.text
        return answer

    def send(self, method, url, body=b"", *, headers=None):
        parts = urlsplit(url)
        sent = {"host": "127.0.0.1:8401", **(headers or {})}
        kept = {name: value for name, (value, path) in self.cookies.items() if parts.path.startswith(path)}
        if kept:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8401),
        }
        messages = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            messages.append(message)

        async def run():
            await self.app(scope, receive, send)

        asyncio.run(run())
        start = messages[0]
        pairs = [(name.decode(), value.decode()) for name, value in start["headers"]]
        set_cookies = [value for name, value in pairs if name == "set-cookie"]
        for line in set_cookies:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = (morsel.value, morsel["path"])
                if not morsel.value or morsel["max-age"] == "0":
                    del self.cookies[name]
        answer = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(start["status"], dict(pairs), set_cookies, answer)


class _Quiet:
    def __init__(self, descriptor):
        self.descriptor = descriptor

    def judge(self, *_):
        return ()


def _factory(name, layer, doc):
    descriptor = Descriptor(id=name, version="1.0.0", layer=layer, phases=("input", "output"), title=name, doc=doc)
    return Factory(descriptor=descriptor, build=lambda: _Quiet(descriptor))


class World:
    """Everything behind one console. ``clock`` is a list of one time that a test may move."""

    def __init__(self, data):
        self.now = NOW
        clock = lambda: self.now  # noqa: E731
        self.ledger = Ledger.open(data, role="console", settings=LedgerSettings(linger_ms=0), clock=clock)
        self.casebook = Casebook(self.ledger)
        self.directory = Directory(self.ledger, consent=self.casebook)
        self.policy = Policy(self.ledger)
        self.registry = Registry(
            [
                *Registry.load(
                    [
                        _factory("rules", "input", "Phrases and patterns over normalised text"),
                        _factory("secrets", "output", "Credentials and planted canaries"),
                        _factory("tool_arguments", "tool", "Strict arguments, schemas and an egress allow-list"),
                    ]
                ).loadings,
                Skipped(
                    id="acme_toxicity", reason="distribution acme-guard is not allowed to run in this process", plugin="acme-guard 0.3"
                ),
                Failed(id="prompt_encoder", reason="needs onnxruntime, not installed"),
            ],
            Modes(),
        )
        for name in ("rules", "secrets", "tool_arguments"):
            self.registry.modes.seed(name, None)
        self.ledger.subscribe(Registry.KINDS, self.registry.fold)
        self.projections = Projections(
            data / "state.db",
            self.ledger,
            [
                Projection(
                    name="exchanges",
                    version=projection.VERSION,
                    metadata=projection.METADATA,
                    kinds=projection.KINDS,
                    fold=projection.fold,
                )
            ],
        )
        self.shelf = Shelf(self.ledger, data / "intel.db", clock=clock)
        self.book = Book(self.ledger, clock=clock)
        self.registrar = Registrar(self.ledger, self.directory, clock=clock)
        self.settings = Settings()
        self.desk = Desk(self.ledger, self.casebook, clock=clock)
        self.monitor = Monitor(self.ledger, self.directory, self.casebook, self.desk, clock=clock)
        book, connectors, settings = (
            Responses(self.ledger),
            {"bartizan": Enforcement(self.directory, self.registrar, clock=clock)},
            RespondSettings(),
        )
        library, protected = Library(), Protected()
        self.responding = Responding(
            book=book,
            engine=Engine(
                self.ledger,
                book,
                Consents(self.casebook, self.desk, lifetime_s=3600, clock=clock),
                connectors,
                protected,
                alive=lambda _: False,
                clock=clock,
            ),
            planner=Planner(connectors, library, protected, settings, clock=clock),
            library=library,
        )
        self.app = Console(
            ledger=self.ledger,
            directory=self.directory,
            casebook=self.casebook,
            policy=self.policy,
            registry=self.registry,
            projections=self.projections,
            monitor=self.monitor,
            shelf=self.shelf,
            settings=self.settings,
            pins=Pins(self.ledger, self.casebook),
            responding=self.responding,
            clock=clock,
        )
        self.keys = {}
        self.people = {}

    def person(self, role, *roles):
        """Register somebody with these roles and return their key."""
        if role not in self.keys:
            known = self.registrar.register("person", f"{role} person", (role, *roles), actor=None)
            self.people[role] = known
            self.keys[role] = self.registrar.issue_key(known.id, actor=None).secret.reveal()
        return self.keys[role]

    def browser(self, role=None):
        browser = Browser(self.app, self)
        if role:
            browser.sign_in(self.person(role))
        return browser

    def exchange(self, *, at=None, content=b'{"messages": []}', answer=b"{}", account="account_" + "a" * 32, **fields):
        """Record one exchange and return its id."""
        [exchange] = self.exchanges([{"at": at, "content": content, "answer": answer, "account": account, **fields}])
        return exchange

    def exchanges(self, many):
        items, ids = [], []
        for given in many:
            fields = dict(given)
            exchange = fields.pop("id", None) or new_id("ex")
            at = fields.pop("at", None) or self.now
            content, answer = fields.pop("content", b"{}"), fields.pop("answer", b"{}")
            who = {"account": fields.pop("account", "account_" + "a" * 32), "actor": fields.pop("actor", "person_" + "b" * 32)}
            ends = fields.pop("ends", True)
            begin = {"dialect": "chat", "model": "local", "upstream": "local", "tier": Tier.PUBLIC, "key_id": "k" * 8}
            end = {
                "outcome": "answered",
                "decision": "allow",
                "timings": Timings(admitted_ms=1, judged_ms=2, first_byte_ms=30, first_release_ms=35, done_ms=180),
            }
            for name, value in fields.items():
                (begin if name in ExchangeAdmitted.__struct_fields__ else end)[name] = value
            ids.append(exchange)
            items.append((envelope(ExchangeAdmitted(**begin), correlation=exchange, at=at, **who), content))
            if ends:
                items.append((envelope(ExchangeCompleted(**end), correlation=exchange, at=at, **who), answer))
        now = self.now
        for batch in _batches(items):
            # The ledger dates nothing into the future, nothing far back, and never lets time run backwards: the clock runs along.
            self.now = batch[-1][0].at
            self.ledger.append_now(*batch)
        self.now = now
        return ids

    def refusal(self, **fields):
        fact = RequestRefused(**({"code": "invalid_api_key", "status": 401, "path": "/v1/chat/completions"} | fields))
        self.ledger.append_now(envelope(fact, correlation=new_id("ex"), actor="anonymous", at=self.now))

    def traffic(self, n, *, seed=7, hours=24):
        """Record a day that looks like one; first of all, since time does not run backwards."""
        chance = random.Random(seed)
        begin = self.now - hours * 3600
        accounts = [f"account_{chance.getrandbits(128):032x}" for _ in range(12)]
        many = []
        for number in range(n):
            at = begin + (number + 1) * hours * 3600 / (n + 1)
            many.append({"at": at, "account": chance.choice(accounts), **_story(chance)})
        return self.exchanges(many)

    def response(self, account):
        """Plan and order one of which a step waits for consent; return it and the approval."""
        self.person("operator")
        ours, who = self.responding, self.people["operator"]
        incident = Incident(id="inc-1", title="model misuse", severity="high", entities=(Named(kind="account", value=account),))
        plan = ours.planner.plan(ours.library.find("llm-account-misuse"), incident)
        ours.engine.keep(plan, actor=None)
        ours.engine.order(plan.response, "do", actor=who)
        [(_, approval)] = ours.engine.consents.waiting(plan)
        return plan.response, approval.id

    def code(self):
        """Keep a scan of a small repository with one finding, proven and mended; return its id."""
        self.person("operator")
        root = self.ledger.data / "tree"
        root.mkdir()
        before, after = b"import os\n\n\ndef f(x):\n    os.system(x)\n", b"def f(x):\n    print(x)\n"
        (root / "app.py").write_bytes(before)
        for arguments in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
            subprocess.run(["git", "-C", str(root), *arguments], check=True)  # noqa: S607 - the git of whoever runs the tests
        step = Step(file="app.py", line=5, text="os.system(x)", why="sink: <b>shell</b>")
        found = Finding(
            id="finding-1", rule="py/command-injection", cwe=78, file="app.py", line=5, message="x", severity="high", flow=(step,)
        )
        checks = tuple(Check(name=name, passed=True) for name in ("parses", "small", "gone", "no new finding", "tests"))
        fix = Fix(finding="finding-1", state="verified", diff=unified("app.py", before, after), by="argument-list", checks=checks)
        proof = Proof(finding="finding-1", state="proven", file="app.py", line=5, rule="py/command-injection", input="x; touch")
        kept = Kept(path=str(root), findings=(found,), fixes=(fix,), proofs=(proof,), sources={"app.py": before.decode()})
        return keep(self.ledger, kept, self.people["operator"])

    def close(self):
        self.ledger.close()
        self.shelf.close()
        self.projections.close()


def _batches(items, *, most=500, span_s=50):
    # The first goes alone: with it goes WriterStarted, which is dated by the clock.
    yield items[:1]
    batch = []
    for item in items[1:]:
        if batch and (len(batch) >= most or item[0].at - batch[0][0].at > span_s):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _story(chance):
    done = min(chance.lognormvariate(5.6, 0.7), 60_000)
    quiet = [
        Verdict(control="rules", version="1.0.0", layer="input", mode="enforce", cpu_us=chance.randint(40, 300)),
        Verdict(control="secrets", version="1.0.0", layer="output", mode="enforce", cpu_us=chance.randint(40, 200)),
        Verdict(control="tool_arguments", version="1.0.0", layer="tool", mode="shadow", cpu_us=chance.randint(5, 40)),
    ]
    story = {
        "model": chance.choice(["local", "local", "claude-sonnet-5", "gpt-5.2-mini"]),
        "stream": chance.random() < 0.6,
        "dialect": chance.choice(["chat", "messages"]),
        "tier": chance.choice([Tier.PUBLIC, Tier.VERIFIED, Tier.VERIFIED, Tier.TRUSTED]),
        "key_id": f"K{chance.randint(1000000, 9999999)}",
        "request_bytes": chance.randint(200, 9000),
        "segments": chance.randint(1, 12),
        "input_tokens": chance.randint(50, 3000),
        "output_tokens": chance.randint(20, 900),
        "released_bytes": chance.randint(100, 4000),
        "timings": Timings(
            admitted_ms=1.4, judged_ms=chance.uniform(1.6, 6), first_byte_ms=done * 0.2, first_release_ms=done * 0.22, done_ms=done
        ),
        "content": msgspec.json.encode({"model": "local", "messages": [{"role": "user", "content": "Summarise the attached incident."}]}),
        "answer": msgspec.json.encode(
            {"choices": [{"message": {"role": "assistant", "content": "At 09:12 a service account signed in."}}]}
        ),
    }
    dice = chance.random()
    if dice < 0.04:
        hit = msgspec.structs.replace(
            quiet[0],
            category="injection",
            rule="override-instructions",
            score=0.97,
            would="block",
            spans=(Span(path="$.messages[1].content", start=14, end=61),),
            views=("base64",),
        )
        story |= {
            "outcome": "blocked",
            "decision": "block",
            "layer": "input",
            "control": "rules",
            "reason": "injection",
            "status": 403,
            "output_tokens": 0,
        }
        quiet[0] = hit
        quiet.pop(1)
    elif dice < 0.055:
        quiet[1] = msgspec.structs.replace(quiet[1], category="secret", rule="aws-access-key", would="block")
        story |= {"outcome": "blocked", "decision": "block", "layer": "output", "control": "secrets", "reason": "secret", "status": 200}
    elif dice < 0.075:
        quiet[2] = msgspec.structs.replace(quiet[2], category="egress", rule="host-not-listed", would="block")
    elif dice < 0.085:
        story |= {"outcome": "failed", "reason": "upstream timed out", "status": 504}
    elif dice < 0.1:
        story |= {"outcome": "cancelled"}
    elif dice < 0.101:
        story |= {"ends": False}
    return story | {"verdicts": tuple(quiet)}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "data")
    yield world
    world.close()


@pytest.fixture(scope="session")
def world_class():
    return World
