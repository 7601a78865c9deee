"""The commands about access, run as people run them: on a data directory, with keys, through the same policy as everybody."""

import json

import pytest

from bartizan.cli import main
from bartizan.event import ContentRead, kind_of
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger


class Shell:
    """Runs commands as one person or another and remembers nothing but the data directory."""

    def __init__(self, data, capsys, monkeypatch):
        self.data, self.capsys, self.monkeypatch = data, capsys, monkeypatch
        ledger = Ledger.open(data, role="test")
        directory = Directory(ledger)
        issued = Registrar(ledger, directory).bootstrap("Ada")
        ledger.close()
        self.keys = {"Ada": issued.secret.reveal()}

    def run(self, who, *words):
        self.monkeypatch.setenv("BARTIZAN_KEY", self.keys.get(who, ""))
        self.monkeypatch.setenv("BARTIZAN_DATA", str(self.data))
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = self.capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    def ok(self, who, *words):
        code, out, err = self.run(who, *words)
        assert code == 0, err
        return out.strip()

    def no(self, who, *words):
        code, _, err = self.run(who, *words)
        assert code == 1, err
        return err

    def join(self, name, *roles):
        self.ok("Ada", "principal", "add", "person", name, *(word for role in roles for word in ("--role", role)))
        self.keys[name] = self.ok("Ada", "key", "issue", name)


@pytest.fixture
def shell(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path / "data", capsys, monkeypatch)


def test_three_people_share_the_duties_and_grant_trust_with_a_delay(shell):
    shell.join("Bob", "approver", "reviewer", "member")
    shell.join("Eve", "privacy", "auditor", "member")
    assert "principal.register is not permitted" in shell.no("Bob", "principal", "add", "person", "Mallory")
    approval = shell.ok("Ada", "grant", "propose", "Eve", "trusted", "--purpose", "incident 7", "--days", "3", "--scope", "host.example")
    assert "incident 7" in shell.ok("Bob", "case", "list")
    assert "grant.approve is not permitted" in shell.no("Ada", "grant", "approve", approval)
    assert "grant.approve is not permitted" in shell.no("Eve", "grant", "approve", approval)
    assert "incident 7" in shell.ok("Bob", "case", "show", approval)
    shell.ok("Bob", "grant", "approve", approval)
    (grant,) = json.loads(shell.ok("Ada", "grant", "list", "--json"))
    assert (grant["tier"], grant["state"], grant["scope"]) == ("trusted", "to come", "host.example")
    duties = json.loads(shell.ok("Ada", "principal", "duties", "--json"))
    assert duties["vacant"] == []
    assert {row["who"] for row in duties["merged"]} == {"Ada", "Bob", "Eve"}
    waiting = json.loads(shell.ok("Eve", "case", "list", "--json"))
    assert [row["kind"] for row in waiting] == ["review", "review", "review"]
    assert "trusted with one approver" in shell.ok("Eve", "case", "show", waiting[-1]["id"])
    assert "not permitted" in shell.no("Ada", "case", "decide", waiting[0]["id"], "fine", "--reason", "x")
    shell.ok("Bob", "case", "decide", waiting[-1]["id"], "fine", "--reason", "seen")
    shell.ok("Bob", "grant", "end", grant["grant"], "--reason", "over")
    assert json.loads(shell.ok("Ada", "grant", "list", "--json")) == []


def test_a_refused_approval_gives_nothing(shell):
    shell.join("Bob", "approver")
    shell.join("Eve", "member")
    approval = shell.ok("Ada", "grant", "propose", "Eve", "trusted", "--purpose", "x")
    shell.ok("Bob", "case", "refuse", approval, "--reason", "no need")
    assert "not approved" in shell.no("Ada", "grant", "give", approval) or "needs the approval" in shell.no(
        "Ada", "grant", "give", approval
    )
    assert json.loads(shell.ok("Ada", "grant", "list", "--json")) == []


def test_keys_are_issued_rotated_listed_and_revoked(shell):
    shell.join("Bob", "member")
    (first,) = json.loads(shell.ok("Bob", "key", "list", "--json"))
    assert "key.issue is not permitted" in shell.no("Bob", "key", "issue", "Bob")
    second = json.loads(shell.ok("Bob", "key", "rotate", first["key"], "--json"))
    assert [row["state"] for row in json.loads(shell.ok("Bob", "key", "list", "--json"))] == ["in grace", "valid"]
    shell.ok("Bob", "key", "revoke", first["key"], "--reason", "done")
    assert "revoked" in shell.no("Bob", "key", "list")
    shell.keys["Bob"] = second["key"]
    assert "key.revoke is not permitted" in shell.no("Bob", "key", "revoke", shell.keys["Ada"][3:11], "--reason", "x")
    assert "key.list is not permitted" in shell.no("Bob", "key", "list", "Ada")


def test_a_suspension_is_felt_at_once_by_person_and_agent(shell):
    shell.join("Bob", "member")
    shell.ok("Ada", "principal", "add", "agent", "robot", "--for", "Bob")
    shell.keys["robot"] = shell.ok("Ada", "key", "issue", "robot")
    shell.ok("Bob", "key", "list", "robot")
    shell.ok("Ada", "principal", "suspend", "Bob", "--reason", "left")
    for who in ("Bob", "robot"):
        assert "the account is suspended" in shell.no(who, "key", "list")
    assert "not permitted" in shell.no("Ada", "principal", "restore", "Ada", "--reason", "x")
    shell.ok("Ada", "principal", "restore", "Bob", "--reason", "back")
    shell.ok("Bob", "key", "list")


def test_roles_that_stay_apart_are_refused_and_merged_ones_named(shell):
    shell.join("Bob", "member")
    assert "stay apart" in shell.no("Ada", "principal", "roles", "Bob", "operator", "approver")
    _, _, said = shell.run("Ada", "principal", "roles", "Bob", "admin", "operator")
    assert "merged duties: admin and operator" in said
    assert "not permitted" in shell.no("Ada", "principal", "roles", "Ada", "member")


def test_names_are_shown_and_the_reading_is_on_record(shell):
    rows = json.loads(shell.ok("Ada", "principal", "list", "--json"))
    assert rows[0]["name"] == "Ada"
    assert rows[0]["tier"] == "public"
    ledger = Ledger.open(shell.data, role="test")
    read = [entry.body for _, entry in ledger.events(kinds=["content_read.v1"])]
    ledger.close()
    assert [fact.purpose for fact in read] == ["principal list"]


def test_the_policy_is_shown_checked_explained_and_changed(shell, tmp_path):
    text = shell.ok("Ada", "policy", "show")
    policy = tmp_path / "policy.cedar"
    policy.write_text(text + '\n@id("night") @doc("nobody chats") forbid (principal, action == Action::"chat", resource);\n')
    assert shell.run("", "policy", "lint", "--cedar", str(policy))[0] == 0
    asked = ("policy", "explain", "chat", "--context", '{"tier": 0, "model": "m"}')
    assert "allowed by use.members" in shell.ok("Ada", *asked)
    shell.ok("Ada", "policy", "set", "--cedar", str(policy), "--reason", "night")
    assert "denied by night (nobody chats)" in shell.ok("Ada", *asked)
    policy.write_text("permit (principal, action, resource);")
    assert shell.run("", "policy", "lint", "--cedar", str(policy))[0] == 1
    code, _, said = shell.run("Ada", "policy", "set", "--cedar", str(policy), "--reason", "x")
    assert (code, "no @id" in said) == (2, True)
    assert "denied by night" in shell.ok("Ada", *asked)
    shell.join("Bob", "member")
    assert "policy.change is not permitted" in shell.no("Bob", "policy", "set", "--cedar", str(policy), "--reason", "x")


@pytest.mark.parametrize("words", [("principal", "list"), ("key", "list"), ("grant", "list"), ("case", "list"), ("policy", "show")])
def test_nobody_and_strangers_see_nothing(shell, words):
    code, out, err = shell.run("", *words)
    assert (code, out) == (2, "")
    assert "BARTIZAN_KEY" in err
    shell.keys["Mallory"] = "bz_AAAAAAAA_" + "A" * 43
    code, out, err = shell.run("Mallory", *words)
    assert (code, out) == (1, "")
    assert "not valid" in err


def test_a_directory_that_is_not_there_is_not_made(shell, tmp_path):
    shell.data = tmp_path / "elsewhere"
    code, _, err = shell.run("Ada", "principal", "list")
    assert code == 2
    assert "bartizan up" in err
    assert not shell.data.exists()


@pytest.mark.parametrize("name", ["\x1b[2Jx", "x\u202ey"])
def test_a_name_cannot_write_to_the_terminal(shell, name):
    code, out, err = shell.run("Ada", "principal", "add", "person", name)
    assert code == 1
    assert name not in out + err


def test_where_duties_are_apart_a_new_duty_needs_anothers_consent(shell, tmp_path):
    (tmp_path / "bartizan.toml").write_text('profile = "standard"')
    shell.join("Bob", "approver")
    shell.join("Eve", "member")
    assert "need the approval" in shell.no("Ada", "principal", "add", "person", "Mallory", "--role", "operator")
    asked = shell.ok("Ada", "principal", "roles", "Eve", "operator", "member")
    assert "operator" in shell.ok("Bob", "case", "list")
    assert "not permitted" in shell.no("Eve", "case", "approve", asked)
    assert "not permitted" in shell.no("Ada", "case", "approve", asked)
    shell.ok("Bob", "case", "approve", asked)
    rows = {row["name"]: row["roles"] for row in json.loads(shell.ok("Ada", "principal", "list", "--json"))}
    assert rows["Eve"] == "member,operator"
    shell.ok("Ada", "principal", "roles", "Eve", "member")
    approval = shell.ok("Ada", "principal", "roles", "Eve", "approver")
    shell.ok("Bob", "case", "refuse", approval, "--reason", "one is enough")
    rows = {row["name"]: row["roles"] for row in json.loads(shell.ok("Ada", "principal", "list", "--json"))}
    assert rows["Eve"] == "member"


def test_a_hold_blocks_an_erasure_until_it_is_released(shell):
    shell.join("Pia", "privacy")
    shell.join("Ben", "approver")
    account = json.loads(shell.ok("Ada", "principal", "list", "--json"))[0]["account"]
    shell.no("Ada", "ledger", "erase", account, "--reason", "mine")
    approval = shell.ok("Pia", "ledger", "hold", account, "--reason", "court order")
    assert shell.ok("Pia", "ledger", "holds") == ""
    shell.no("Pia", "case", "approve", approval)
    shell.ok("Ben", "case", "approve", approval)
    ((hold, held),) = json.loads(shell.ok("Pia", "ledger", "holds", "--json")).items()
    assert held == [account]
    assert "held" in shell.no("Pia", "ledger", "erase", account, "--reason", "asked")
    shell.no("Ben", "ledger", "release", hold, "--reason", "closed")
    approval = shell.ok("Pia", "ledger", "release", hold, "--reason", "closed")
    assert "held" in shell.no("Pia", "ledger", "erase", account, "--reason", "asked")
    shell.ok("Ben", "case", "approve", approval)
    assert json.loads(shell.ok("Pia", "ledger", "holds", "--json")) == {}
    assert json.loads(shell.ok("Pia", "ledger", "erase", account, "--reason", "asked", "--json"))["keys"]
    assert " 0 erased" not in shell.ok("Pia", "ledger", "verify")
    assert json.loads(shell.ok("Pia", "ledger", "retention", "--apply", "--json"))["erased"]["keys"] == []


def test_trends_are_for_who_may_read_texts_and_that_is_on_record(shell):
    shell.join("Bob", "reviewer")
    shell.join("Eve", "operator")
    assert "content.read is not permitted" in shell.no("Eve", "review", "trends")
    found = json.loads(shell.ok("Bob", "review", "trends", "--json"))
    assert (found["stretches"], found["least"], found["hidden"]) == ([], 5, found["weeks"])
    ledger = Ledger.open(shell.data, role="test")
    readings = [entry.body.purpose for _, entry in ledger.events(kinds=(kind_of(ContentRead),))]
    ledger.close()
    assert readings == ["trends"]
