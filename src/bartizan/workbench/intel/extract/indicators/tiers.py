"""Why believe that this is an indicator? Headings, defanging, verbs of the network, references, vendors' addresses, warning lists."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import msgspec

from bartizan.workbench.intel.extract.found import Tier
from bartizan.workbench.intel.extract.indicators import hosts
from bartizan.workbench.intel.extract.indicators.mention import Mention
from bartizan.workbench.intel.extract.indicators.words import Warnings, Words
from bartizan.workbench.intel.extract.plain import pattern

_headings = pattern(
    r"(?:^|\n)[ \t#*=|]{0,12}(?:(?:appendix|annex)[ a-z0-9:.\-]{0,16})?(?:[0-9.]{1,6} {0,3})?"
    r"((?:iocs?|indicators?|observables?|hashes|references?|sources|bibliography|further reading|about (?:us|the authors?)|"
    r"contact|related|links|footnotes|see also|resources|samples?|network|file|host|malicious|c2|c&c|command|domains?|urls?|ip|artifacts|"
    r"summary|conclusion|introduction|overview|"
    r"analysis|mitigation|recommendations?|detection|technical)[^\n.]{0,48})[ \t#*=|:]{0,12}\r?(?:\n|$)"
)
_end_marker: Final = 1 << 62
_NETWORKED: Final = frozenset({"url", "host", "ipv4", "ipv6", "email", "cidr"})


class Sections(msgspec.Struct, frozen=True):
    """Where sections begin that say something about the indicators in them."""

    starts: list[int]
    names: list[str]

    def at(self, place: int) -> str:
        """Return ``indicators``, ``references`` or nothing."""
        number = bisect_right(self.starts, place) - 1
        return self.names[number] if number >= 0 else ""


def sections(data: bytes, lists: Words) -> Sections:
    """Find the headings of sections of indicators and of references; any other heading ends them."""
    starts, names = [0], [""]
    for match in _headings.finditer(data):
        heading = match.group(1).decode("latin-1").strip(" \t:*#=|()").lower()
        words = heading.split("(")[0].strip()
        first = words.split(" ")[0]
        if words in lists.headings or "indicators of compromise" in words or first in {"ioc", "iocs", "indicators", "observables"}:
            name = "indicators"
        elif words in lists.references:
            name = "references"
        elif len(words.split()) <= 3:
            name = ""
        else:
            continue
        starts.append(match.start(1))
        names.append(name)
    return Sections(starts, names)


class Judge:
    """Gives each mention of one text its tier and the reason for it."""

    def __init__(self, data: bytes, lists: Words, warnings: Warnings) -> None:
        self._data = data
        self._lists = lists
        self._warnings = warnings
        self._sections = sections(data, lists)

    def tier(self, mention: Mention) -> tuple[Tier, str]:
        """Return the tier and, in a few words, why."""
        if mention.aside:
            return "not an indicator", mention.aside
        listed = self._listed(mention)
        if listed:
            return "warning list", listed
        section = self._sections.at(mention.start)
        if section == "indicators":
            return "indicator section", "stands under a heading for indicators"
        if mention.defanged:
            return "defanged", "written so that nobody follows it"
        if mention.kind == "email" and mention.value.partition("@")[0] in self._lists.contact and not section:
            return "vendor contact", "an office's mail address, written to be used"
        return self._undressed(mention, section)

    def _undressed(self, mention: Mention, section: str) -> tuple[Tier, str]:
        if section == "references" and mention.kind in {"url", "host", "email"}:
            return "reference link", "stands in a section of references"
        before = self._data[max(0, mention.start - hosts.NEAR) : mention.start]
        if mention.kind == "url" and before.endswith((b"](", b"] ", b"]: ", b"see ", b"See ", b"at: ", b"available at ")):
            return "reference link", "a link that the text offers to its reader"
        after = self._data[mention.end : mention.end + hosts.NEAR]
        if mention.kind in _NETWORKED and hosts.talks(before, after):
            return "network verb", "the words around speak of the network"
        return "plain", "as it stands in the text"

    def _listed(self, mention: Mention) -> str:
        listed = ""
        match mention.kind:
            case "host":
                listed = self._warnings.host(mention.value)
            case "url":
                listed = self._host_of(mention.value)
            case "email":
                listed = self._warnings.host(mention.value.rpartition("@")[2])
            case "ipv4":
                listed = self._warnings.address(mention.value)
            case "md5" | "sha1" | "sha256" | "sha512":
                listed = self._warnings.hashes.get(mention.value, "")
            case "ipv6" if mention.notes:
                listed = mention.notes[0]
        return listed

    def _host_of(self, url: str) -> str:
        host = url.partition("://")[2] or url
        host = host.partition("/")[0].rpartition("@")[2].partition(":")[0].partition("?")[0]
        if host and host[-1].isdigit():
            labels = host.split(".")
            numbers = len(labels) == 4 and all(label.isdigit() and int(label) < 256 for label in labels)
            return self._warnings.address(host) if numbers else ""
        return self._warnings.host(host)
