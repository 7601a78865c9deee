"""Connectors against their doubles, and operations out of an OpenAPI document."""

import msgspec
import pytest

from bartizan.bench.respond_cases import case_of, prepare
from bartizan.bench.triage_respond import MUTE, everything
from bartizan.config import ConnectorSettings, OperationSettings
from bartizan.errors import ConfigError, RefusedError
from bartizan.monitor.signing import is_signed, sign
from bartizan.workbench.respond.connectors.generic import Http
from bartizan.workbench.respond.connectors.registry import KINDS
from bartizan.workbench.respond.contract import Call

OPENAPI = """
openapi: 3.1.0
info: {title: users, version: "1"}
paths:
  /users/{name}:
    parameters: [{$ref: "#/components/parameters/name"}]
    get: {operationId: getUser}
    delete: {operationId: deleteUser}
  /users/{name}/lock:
    post:
      operationId: lockUser
      parameters:
        - {$ref: "#/components/parameters/name"}
        - {name: notify, in: query, required: true, schema: {type: string}}
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [why, minutes]
              properties: {why: {type: string}, minutes: {type: integer}, note: {type: string}}
components:
  parameters:
    name: {name: name, in: path, required: true, schema: {type: string}}
"""


def test_one_action_of_every_kind_is_done_and_taken_back(world):
    kinds = {each.kind for each in world.settings.respond.connectors.values()}
    assert kinds == set(KINDS)
    person = world.response.rooms.registrar.register("person", "mallory", ("member",), actor=None)
    incident, _ = case_of("everything", account=person.account)
    prepare(world.doubles)
    plan = world.plan(everything(), incident)
    assert {action.connector for action in plan.actions} == {*world.settings.respond.connectors, "bartizan"}
    assert world.run(plan).why == "contained"
    foreseen = sorted((change.target, change.deed, change.detail) for action in plan.actions for change in action.changes)
    assert sorted(world.happened()) == foreseen
    assert world.undo(plan).why == "undone"
    assert world.file("blocked.nft") == world.file("blocked.txt") == world.file("rpz.zone") == []
    assert all("withdrawn" in labels for labels in world.doubles.issues.values())
    assert {case["status"] for case in world.doubles.cases.values()} == {"Other"}
    assert world.doubles.events == set()
    assert sum(each.system in {"slack", "teams", "log", "mail"} for each in world.doubles.log) == 2 * len(MUTE)


def test_openapi_operations_are_verbs_on_the_safe_side(tmp_path):
    (tmp_path / "users.yaml").write_text(OPENAPI)
    settings = ConnectorSettings(kind="http", url="http://127.0.0.1:9/v1", openapi=str(tmp_path / "users.yaml"))
    made = Http("users", settings)
    assert {name: verb.effect for name, verb in made.verbs.items()} == {
        "getUser": "read",
        "deleteUser": "destructive",
        "lockUser": "destructive",
    }
    lock = {each.name: each.kind for each in made.verbs["lockUser"].arguments}
    assert lock == {"name": "word", "notify": "word", "why": "line", "minutes": "number"}
    call = Call(verb="lockUser", arguments={"name": "a/b", "notify": "x&y", "why": "w", "minutes": 5}, key="k", at=0)
    [change] = made.forward(call, {})
    assert (change.deed, change.target) == ("POST", "http://127.0.0.1:9/v1/users/a%2Fb/lock?notify=x%26y")
    assert msgspec.json.decode(change.detail) == {"why": "w", "minutes": 5}
    own = OperationSettings(effect="reversible", path="/users/{name}/lock", arguments={"name": "account!"}, undo="unlock")
    back = OperationSettings(effect="reversible", path="/users/{name}/unlock", arguments={"name": "account!"}, undo="lockUser")
    better = Http("users", msgspec.structs.replace(settings, operations={"lockUser": own, "unlock": back}))
    assert better.verbs["lockUser"].effect == "reversible"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "openapi: 2.0", "openapi: 3.0\npaths: 7", "openapi: 3.0\npaths: {/a: {get: {operationId: 'a b'}}}"]
)
def test_a_document_without_operations_is_a_typed_error(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError):
        Http("x", ConnectorSettings(kind="http", url="http://127.0.0.1:9", openapi=str(tmp_path / "x.yaml")))


@pytest.mark.parametrize(
    "operation",
    [
        {"effect": "reversible", "path": "/x"},
        {"effect": "read", "method": "POST", "path": "/x"},
        {"path": "/x/{name}"},
        {"path": "/x", "arguments": {"a": "nonsense"}},
        {"path": "/x", "look": "missing"},
        {"path": "/x", "undo": "missing"},
    ],
)
def test_an_operation_that_contradicts_itself_is_a_typed_error(operation):
    operations = {"do": msgspec.convert(operation, OperationSettings)}
    with pytest.raises(ConfigError):
        Http("x", ConnectorSettings(kind="http", url="http://127.0.0.1:9", operations=operations))


def test_a_user_that_is_not_there_is_no_users_namesake(world):
    world.doubles.users["bobby"] = True
    with pytest.raises(RefusedError) as caught:
        world.response.connectors["directory"].look(Call(verb="find", arguments={"account": "bob"}, key="k", at=0))
    assert caught.value.code == "no_such_user"


def test_a_notice_is_signed_and_its_id_is_the_keys(world):
    hook = world.response.connectors["hook"]
    call = Call(verb="send", arguments={"title": "t", "text": "", "severity": "high"}, key="0" * 40, at=1.0)
    [change] = hook.forward(call, {})
    heads = hook.headers_of(call, change)
    sent = {"webhook_id": heads["webhook-id"], "timestamp": heads["webhook-timestamp"], "signature": heads["webhook-signature"]}
    assert is_signed("hidden-hook", **sent, body=change.detail.encode(), at=int(sent["timestamp"]))
    assert sign("other", webhook_id=sent["webhook_id"], timestamp=int(sent["timestamp"]), body=b"") != sent["signature"]
