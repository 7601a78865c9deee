"""The shape of the code base, kept by tests: file sizes, rooms and their tests, exported names, facts and their retention."""

import ast
import importlib
import pkgutil
from pathlib import Path

import msgspec
import pytest

import bartizan
from bartizan import event

SRC = Path(bartizan.__file__).parent
TESTS = Path(__file__).parent
ROOMS = sorted(path.parent.name for path in SRC.glob("*/__init__.py"))
TRAINING = {"sklearn", "scipy", "torch", "onnx"}
"""What the extra `train` brings and a plain installation does not have."""
FILES = sorted(path for path in SRC.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_a_file_is_one_idea_of_at_most_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is_and_exports_what_it_names(room):
    module = importlib.import_module(f"bartizan.{room}")
    assert module.__doc__
    assert len(module.__doc__.strip().splitlines()) >= 2
    for name in module.__all__:
        assert hasattr(module, name)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_tests_of_its_own(room):
    assert list((TESTS / room).rglob("test_*.py"))


def test_rooms_are_not_named_after_nothing():
    assert not {"util", "utils", "common", "helpers", "base", "misc"} & {path.stem for path in FILES}


@pytest.mark.parametrize("kind", sorted(event.KINDS))
def test_every_fact_is_documented_versioned_and_retained_for_a_stated_time(kind):
    fact = event.KINDS[kind]
    assert fact.__doc__
    assert not fact.__doc__.startswith("Struct")
    assert kind.rpartition(".v")[2].isdigit()
    assert fact.retention in msgspec.json.schema(event.RetentionClass)["enum"]
    assert fact.__struct_config__.frozen


def test_a_module_docstring_opens_every_file():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_every_module_imports():
    for info in pkgutil.walk_packages([str(SRC)], "bartizan."):
        if info.name != "bartizan.__main__":
            _import(info.name)


def _import(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] not in TRAINING:
            raise
