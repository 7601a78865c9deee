"""Every shipped playbook against doubles: what the dry run shows is what happens, and all of it is taken back."""

import jsonschema_rs
import msgspec
import pytest
import yaml

from bartizan.bench.respond_cases import case_of, prepare
from bartizan.workbench.respond.author import from_plain, read_yaml, schema, sha256, to_yaml
from bartizan.workbench.respond.cacao import to_cacao
from bartizan.workbench.respond.cacao_in import import_cacao
from bartizan.workbench.respond.library import SHIPPED, Library

SHIPPED_IDS = sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def test_there_are_enough_and_each_is_called_what_its_file_is():
    assert len(SHIPPED_IDS) >= 12
    assert sorted(Library()) == SHIPPED_IDS


@pytest.mark.parametrize("name", SHIPPED_IDS)
def test_the_dry_run_is_exact_and_everything_is_taken_back(world, name):
    response = world.response
    person = response.rooms.registrar.register("person", "mallory", ("member",), actor=None)
    incident, given = case_of(name, account=person.account)
    prepare(world.doubles)
    plan = world.plan(name, incident, **given)
    assert not plan.left, plan.left
    planned = sorted((change.target, change.deed, change.detail) for action in plan.actions for change in action.changes)
    turn = world.run(plan)
    while turn.state == "waiting":
        world.approve(plan, "bob", "carol")
        turn = world.go_on(plan)
    assert turn.why == "contained"
    happened = sorted(world.happened())
    assert happened == planned
    before = len(world.doubles.log)
    ending = world.undo(plan).why
    destructive = [action.id for action in plan.actions if action.effect == "destructive"]
    assert ending == ("undo_incomplete" if destructive else "undone")
    assert all(world.doubles.users.values())
    assert not any(world.doubles.hosts.values())
    assert world.file("blocked.txt") == world.file("rpz.zone") == []
    assert response.rooms.directory.standing(person.account, at=9e9).standing == "good"
    assert len(world.doubles.log) > before or not world.doubles.log


@pytest.mark.parametrize("name", SHIPPED_IDS)
def test_yaml_and_cacao_lose_nothing(name):
    playbook = Library()[name]
    assert sha256(read_yaml(to_yaml(playbook), source="again")) == sha256(playbook)
    document = msgspec.json.encode(to_cacao(playbook, at=0))
    imported = import_cacao(document, source="cacao")
    assert imported.playbook == playbook
    assert imported.lost == ()


def test_the_schema_takes_every_shipped_playbook_and_refuses_nonsense():
    validator = jsonschema_rs.validator_for(schema())
    for name in SHIPPED_IDS:
        value = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())
        assert validator.is_valid(value), (name, [str(error) for error in validator.iter_errors(value)])
        from_plain(value, source=name)
    assert not validator.is_valid({"id": "x", "name": "x", "steps": [{"id": "a", "do": "nonsense"}]})
