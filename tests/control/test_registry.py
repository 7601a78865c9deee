import sys
from importlib.metadata import Distribution, EntryPoint

import pytest

from bartizan.config import ControlSetting
from bartizan.control import Factory, Failed, Loaded, Registry, Skipped
from bartizan.errors import ControlError
from bartizan.event import ControlModeChanged, Tier, envelope


def _breaks():
    raise ValueError("its data is gone")


class _Fake(Distribution):
    def __init__(self, root, name="acme-detector"):
        self.root, self._name = root, name

    def read_text(self, filename):
        return f"Metadata-Version: 2.1\nName: {self._name}\nVersion: 4.2\n" if filename == "METADATA" else "acme_detector.py,,\n"

    def locate_file(self, path):
        return self.root / str(path)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    def make(source):
        (tmp_path / "acme_detector.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "acme_detector", raising=False)
        entry = EntryPoint(name="acme", value="acme_detector:FACTORY", group="bartizan.detectors")
        return entry._for(_Fake(tmp_path))

    return make


GOOD = """
from bartizan.control import Descriptor, Factory
class C:
    descriptor = Descriptor(id="acme", version="4", layer="input", phases=("input",), title="t", doc="d")
    def judge(self, phase, segments, calls, context): return []
FACTORY = Factory(descriptor=C.descriptor, build=C)
"""


def test_a_loaded_control_is_registered_with_the_hash_of_its_code_and_data(phrase, factory):
    def loaded(data):
        (fact,) = Registry.load([factory(phrase(), modules=("bartizan.control.modes",), data=data)], found=()).registered()
        return fact

    assert loaded(b"a").sha256 != loaded(b"b").sha256
    assert loaded(b"a") == loaded(b"a")
    assert len(loaded(b"").sha256) == 64


def test_a_configured_control_that_cannot_load_stops_the_start(phrase):
    broken = Factory(descriptor=phrase().descriptor, build=_breaks)
    with pytest.raises(ControlError, match="phrase can't load: ValueError: its data is gone") as caught:
        Registry.load([broken], found=())
    assert "off" in caught.value.hint


def test_a_control_that_is_off_may_fail_and_is_listed(phrase):
    broken = Factory(descriptor=phrase().descriptor, build=_breaks)
    registry = Registry.load([broken], controls={"phrase": ControlSetting(mode="off")}, found=())
    assert registry.loadings == (Failed(id="phrase", reason="ValueError: its data is gone"),)


def test_a_missing_dependency_stops_the_start(phrase, factory):
    with pytest.raises(ControlError, match="needs no_such_library"):
        Registry.load([factory(phrase(needs=("no_such_library",)))], found=())


@pytest.mark.parametrize("controls", [{"prase": ControlSetting()}, {"phrase": ControlSetting(tiers={"gold": "off"})}])
def test_a_setting_for_nothing_is_an_error(phrase, factory, controls):
    with pytest.raises(ControlError):
        Registry.load([factory(phrase())], controls=controls, found=())


def test_a_plugin_runs_only_if_its_distribution_is_allowed(plugin):
    entry = plugin("raise SystemExit('imported!')")
    (skipped,) = Registry.load([], found=[entry]).loadings
    assert isinstance(skipped, Skipped)
    assert "acme-detector is not allowed" in skipped.reason


def test_an_allowed_plugin_is_loaded_with_version_and_hash(plugin):
    registry = Registry.load([], plugins=["acme-detector"], found=[plugin(GOOD)])
    (fact,) = registry.registered()
    assert fact.plugin == "acme-detector 4.2"
    changed = Registry.load([], plugins=["acme-detector"], found=[plugin(GOOD + "#")]).registered()[0]
    assert changed.sha256 != fact.sha256


@pytest.mark.parametrize("source", ["1/0", "FACTORY = 3", "import no_such_module"])
def test_an_allowed_plugin_that_breaks_stops_the_start(plugin, source):
    with pytest.raises(ControlError, match="acme can't load"):
        Registry.load([], plugins=["acme-detector"], found=[plugin(source)])


def test_a_plugin_cannot_take_the_place_of_a_builtin(plugin, phrase, factory):
    with pytest.raises(ControlError, match="is taken"):
        Registry.load([factory(phrase("acme"))], plugins=["acme-detector"], found=[plugin(GOOD)])


def test_modes_follow_settings_then_events(phrase, factory):
    setting = ControlSetting(mode="enforce", tiers={"trusted": "shadow", "restricted": "off"})
    registry = Registry.load([factory(phrase())], controls={"phrase": setting}, found=())
    assert [[p.mode for p in registry.plan("input", tier)] for tier in Tier] == [["enforce"], ["enforce"], ["shadow"], []]
    registry.fold(1, envelope(ControlModeChanged(control="phrase", mode="off", tiers=(Tier.PUBLIC,))))
    assert registry.plan("input", Tier.PUBLIC) == ()
    registry.fold(2, envelope(ControlModeChanged(control="phrase", mode="enforce")))
    assert [p.mode for tier in Tier for p in registry.plan("input", tier)] == ["enforce"] * 4


def test_observe_turns_all_that_enforces_to_shadow_also_after_a_change(phrase, factory):
    registry = Registry.load([factory(phrase())], observe=True, found=())
    registry.fold(1, envelope(ControlModeChanged(control="phrase", mode="enforce")))
    assert [p.mode for tier in Tier for p in registry.plan("input", tier)] == ["shadow"] * 4


def test_a_control_judges_only_its_phases(phrase, factory):
    registry = Registry.load([factory(phrase(phases=("tool",)))], found=())
    assert registry.plan("input", Tier.PUBLIC) == ()
    assert isinstance(registry.plan("tool", Tier.PUBLIC)[0].loaded, Loaded)
