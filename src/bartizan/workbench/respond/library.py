"""The playbooks that there are: those that ship, and the operator's own, which take the place of shipped ones of the same id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.respond.author import read_file
from bartizan.workbench.respond.incident import Incident
from bartizan.workbench.respond.playbook import Playbook

SHIPPED: Final = Path(__file__).parent / "playbooks"
_MOST: Final = 500


class Library(Mapping[str, Playbook]):
    """Playbooks by id, read when first asked for. One of the operator's own that can't be read is a ConfigError then."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        self._read: dict[str, Playbook] | None = None

    def __getitem__(self, name: str) -> Playbook:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def find(self, name: str) -> Playbook:
        """Return a playbook; raises RefusedError 404 ``unknown_playbook``."""
        known = self._all().get(name)
        if known is None:
            raise RefusedError(f"there is no playbook {name[:80]}", code="unknown_playbook", status=404, hint="bartizan respond playbooks")
        return known

    def offers(self, incident: Incident) -> list[Playbook]:
        """Return the playbooks that offer themselves for an incident, the best fit first."""
        scored = [(_fit(each, incident), each.id) for each in self._all().values()]
        return [self._all()[name] for fit, name in sorted(scored, key=lambda pair: (-pair[0], pair[1])) if fit]

    def _all(self) -> dict[str, Playbook]:
        if self._read is None:
            found = [read_file(path) for path in sorted(SHIPPED.glob("*.yaml"))]
            own = list(_own(self._own)) if self._own is not None else []
            if len({each.id for each in own}) != len(own):
                raise ConfigError("two of your playbooks have the same id", source=str(self._own))
            self._read = {each.id: each for each in (*found, *own)}
        return self._read


def _own(folder: Path) -> Iterator[Playbook]:
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder", hint="[respond] playbooks")
    paths = sorted(each for each in folder.iterdir() if each.suffix in {".yaml", ".yml", ".json"})
    if len(paths) > _MOST:
        raise ConfigError(f"{folder} holds more than {_MOST} playbooks")
    for path in paths:
        if path.suffix == ".json":
            from bartizan.workbench.respond.cacao_in import read_cacao  # noqa: PLC0415 - only where there is one

            yield read_cacao(path.read_bytes(), source=path.name)
        else:
            yield read_file(path)


def _fit(playbook: Playbook, incident: Incident) -> int:
    held = set(incident.techniques) | {each.partition(".")[0] for each in incident.techniques}
    title = incident.title.casefold()
    return 2 * len(held & set(playbook.fits.techniques)) + sum(word.casefold() in title for word in playbook.fits.words)
