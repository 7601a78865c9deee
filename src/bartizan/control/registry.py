"""Which controls there are: built-ins from an explicit list, plug-ins from entry points, each loaded, skipped or failed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import msgspec

from bartizan.config import ControlSetting
from bartizan.control.contract import Control, Descriptor, Phase
from bartizan.control.fingerprint import fingerprint, fingerprint_of
from bartizan.control.modes import Modes
from bartizan.errors import BartizanError, ControlError
from bartizan.event import ControlModeChanged, ControlRegistered, ControlSettingsChanged, Envelope, Layer, Mode, Tier, kind_of

GROUP: Final = "bartizan.detectors"
"""Entry-point group of third-party detectors; each entry point names a Factory."""


class Factory(msgspec.Struct, frozen=True, kw_only=True):
    """How a control comes into being: what it is, how it is built, and what its behaviour depends on.

    ``modules`` (import names) and ``data`` (rules, settings; never a secret) are hashed into the control's fingerprint.
    """

    descriptor: Descriptor
    build: Callable[[], Control]
    modules: tuple[str, ...] = ()
    data: bytes = b""
    configure: Callable[[str], Control] | None = None
    """Builds it with settings of its own, given as JSON; raises ControlError for what it can't take. None for one that has none."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True, tag="loaded"):
    """A control that judges. ``plugin`` is ``distribution version`` for a third-party one."""

    descriptor: Descriptor
    control: Control
    sha256: str
    plugin: str = ""


class Skipped(msgspec.Struct, frozen=True, kw_only=True, tag="skipped"):
    """A control that was not asked for, or not allowed; nothing of it was imported."""

    id: str
    reason: str
    plugin: str = ""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """A control that could not load."""

    id: str
    reason: str
    plugin: str = ""


Loading = Loaded | Skipped | Failed


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One control as it is to be run now. ``layer`` is its own, or the phase's for a control that judges in several."""

    loaded: Loaded
    mode: Mode
    layer: Layer
    cheap: bool
    inline: int


class Registry:
    """All controls with their loading and their modes. Fold ``KINDS`` into it to follow the record."""

    KINDS: Final = (kind_of(ControlModeChanged), kind_of(ControlSettingsChanged))

    def __init__(self, loadings: Iterable[Loading], modes: Modes, factories: Iterable[Factory] = ()) -> None:
        self.loadings: tuple[Loading, ...] = tuple(loadings)
        self.modes = modes
        self.settings: dict[str, str] = {}
        """By control: its settings on record that are in force, as JSON. A control not named here runs as it was loaded."""
        self.refused: dict[str, str] = {}
        """By control: why the newest settings on record are not in force."""
        self._factories = {factory.descriptor.id: factory for factory in factories}
        self._loaded = tuple(loading for loading in self.loadings if isinstance(loading, Loaded))
        self._plans: dict[tuple[Phase, Tier], tuple[Planned, ...]] = {}

    @classmethod
    def load(
        cls,
        builtins: Sequence[Factory],
        *,
        controls: Mapping[str, ControlSetting] | None = None,
        plugins: Collection[str] = (),
        observe: bool = False,
        found: Iterable[EntryPoint] | None = None,
    ) -> Registry:
        """Load everything; raises ControlError if a control that is to run can't (fail closed).

        Built-ins are to run unless their mode is ``off`` for all tiers; plug-ins if their distribution stands in ``plugins``.
        ``found`` replaces the installed entry points, for tests.
        """
        settings = dict(controls or {})
        modes = Modes(observe=observe)
        loadings: list[Loading] = []
        for factory in builtins:
            modes.seed(factory.descriptor.id, settings.pop(factory.descriptor.id, None), shipped=factory.descriptor.mode)
            loadings.append(_load(factory))
        taken = {factory.descriptor.id for factory in builtins}
        for entry in entry_points(group=GROUP) if found is None else found:
            loading = _plugin(entry, plugins, taken)
            name = _id(loading)
            taken.add(name)
            shipped = loading.descriptor.mode if isinstance(loading, Loaded) else "enforce"
            modes.seed(name, settings.pop(name, None), shipped=shipped)
            loadings.append(loading)
        if settings:
            raise ControlError(f"no such control: {', '.join(sorted(settings))}", hint="bartizan controls list shows all of them")
        for loading in loadings:
            if isinstance(loading, Failed) and modes.wanted(loading.id):
                raise ControlError(
                    f"control {loading.id} can't load: {loading.reason}",
                    hint=f'repair it, or switch it off with [guard.controls.{loading.id}] mode = "off"',
                )
        return cls(loadings, modes, builtins)

    def fold(self, _seq: int, envelope: Envelope) -> None:
        """Follow the record: a change of mode or settings takes effect for the next request; settings that can't be built never do."""
        if isinstance(envelope.body, ControlModeChanged):
            self.modes.change(envelope.body)
        elif isinstance(envelope.body, ControlSettingsChanged):
            self._configure(envelope.body.control, envelope.body.settings)
        self._plans = {}  # a new one, so that a plan made meanwhile from what was in force before lands in the old one

    def configured(self, control: str, settings: str) -> Loaded:
        """Return a control as it would be with settings (a JSON object; ``{}`` for as it ships), with nothing changed.

        Raises ControlError where it takes none or can't be built with these.
        """
        factory = self._factories.get(control)
        if factory is None or factory.configure is None:
            raise ControlError(f"the control {control} has no settings that can be changed while it runs")
        if settings == "{}":
            plain = _load(factory)
        else:
            configure = factory.configure
            given = msgspec.structs.replace(factory, build=lambda: configure(settings), data=factory.data + settings.encode())
            plain = _load(given)
        if not isinstance(plain, Loaded):
            raise ControlError(f"the control {control} can't be built with these settings: {plain.reason}")
        return plain

    def _configure(self, control: str, settings: str) -> None:
        try:
            new = self.configured(control, settings)
        except ControlError as error:
            self.refused[control] = str(error)
            return
        self.refused.pop(control, None)
        self.settings[control] = settings
        # One that is off may have failed to load; with settings that work it is there from now on.
        self.loadings = tuple(new if _id(loading) == control else loading for loading in self.loadings)
        self._loaded = tuple(loading for loading in self.loadings if isinstance(loading, Loaded))

    def plan(self, phase: Phase, tier: Tier) -> tuple[Planned, ...]:
        """Return the controls that judge this phase at this tier, in their order of loading; off ones left out."""
        plans = self._plans
        plan = plans.get((phase, tier))
        if plan is None:
            plan = plans[phase, tier] = tuple(self._planned(phase, tier))
        return plan

    def _planned(self, phase: Phase, tier: Tier) -> Iterator[Planned]:
        for loaded in self._loaded:
            mode = self.modes.of(loaded.descriptor.id, tier)
            if phase in loaded.descriptor.phases and mode != "off":
                layer = phase if len(loaded.descriptor.phases) > 1 else loaded.descriptor.layer
                yield Planned(
                    loaded=loaded, mode=mode, layer=layer, cheap=loaded.descriptor.cost == "cheap", inline=loaded.descriptor.inline
                )

    def registered(self) -> list[ControlRegistered]:
        """Return the facts to record at start: each loaded control in its version, with the hash of its code and data."""
        return [
            ControlRegistered(
                control=loaded.descriptor.id,
                version=loaded.descriptor.version,
                layer=loaded.descriptor.layer,
                owner=loaded.descriptor.owner,
                sha256=loaded.sha256,
                plugin=loaded.plugin,
            )
            for loaded in self._loaded
        ]


def _id(loading: Loading) -> str:
    return loading.descriptor.id if isinstance(loading, Loaded) else loading.id


def _load(factory: Factory, *, plugin: str = "", sha256: str = "") -> Loaded | Failed:
    """Build one control. This is the plug-in edge: whatever a factory raises becomes ``Failed`` with its reason."""
    descriptor = factory.descriptor
    missing = [name for name in descriptor.needs if importlib.util.find_spec(name) is None]
    if missing:
        return Failed(id=descriptor.id, reason=f"needs {', '.join(missing)}, not installed", plugin=plugin)
    try:
        control = factory.build()
        digest = sha256 or fingerprint(factory.modules, factory.data)
    except BartizanError as error:
        return Failed(id=descriptor.id, reason=str(error), plugin=plugin)
    except Exception as error:  # noqa: BLE001 - the plug-in edge: a broken factory must be listed, not crash the listing
        return Failed(id=descriptor.id, reason=f"{type(error).__name__}: {error}", plugin=plugin)
    return Loaded(descriptor=descriptor, control=control, sha256=digest, plugin=plugin)


def _plugin(entry: EntryPoint, allowed: Collection[str], taken: Collection[str]) -> Loading:
    distribution = entry.dist
    name = distribution.name if distribution else ""
    if name not in allowed:
        return Skipped(
            id=entry.name, reason=f"distribution {name or 'unknown'} is not allowed to run in this process ([guard] plugins)", plugin=name
        )
    plugin = f"{name} {distribution.version if distribution else ''}".strip()
    try:
        factory = entry.load()
    except Exception as error:  # noqa: BLE001 - the plug-in edge: importing third-party code may raise anything
        return Failed(id=entry.name, reason=f"importing {entry.value}: {type(error).__name__}: {error}", plugin=plugin)
    if not isinstance(factory, Factory):
        return Failed(id=entry.name, reason=f"{entry.value} is a {type(factory).__name__}, not a bartizan.control.Factory", plugin=plugin)
    if factory.descriptor.id in taken:
        return Failed(id=entry.name, reason=f"its id {factory.descriptor.id} is taken by another control", plugin=plugin)
    return _load(factory, plugin=plugin, sha256=fingerprint_of(distribution) if distribution else "")
