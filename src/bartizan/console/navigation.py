"""The navigation: sections in a first row, the pages of the open one in a second."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bartizan.console.routes import PAGES, SECTIONS, PageRoute


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A page in the navigation; ``here`` when it, or a page under it, is the one shown."""

    label: str
    path: str
    here: bool


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Pages that belong together, at least one."""

    name: str
    links: tuple[Link, ...]

    @property
    def open(self) -> bool:
        """Whether the page shown is one of its pages."""
        return any(link.here for link in self.links)


def sections(may: Callable[[PageRoute], bool], here: str) -> list[Section]:
    """Return what leads to the pages that ``may`` permits, seen from the address ``here``."""
    links: dict[str, list[Link]] = {name: [] for name in SECTIONS}
    for route in PAGES:
        if route.label and may(route):
            at = here == route.path or here.startswith(f"{route.path}/")
            links[route.section].append(Link(label=route.label, path=route.path, here=at))
    return [Section(name=name, links=tuple(found)) for name, found in links.items() if found]
