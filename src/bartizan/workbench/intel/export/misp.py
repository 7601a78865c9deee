"""A MISP event (core format): attributes with their tier as comment, techniques and names as galaxy tags."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bartizan.workbench.intel.document import Tlp
from bartizan.workbench.intel.export.merged import STRONG, In, merge
from bartizan.workbench.intel.found import IndicatorSeen, Report
from bartizan.workbench.intel.kinds import MISP_OUT

_SPACE: Final = uuid.UUID("5d1f6f2e-0f7c-5a58-8f0c-6a4b7f6c2d11")
_GALAXY: Final = {"actor": "threat-actor", "malware": "malpedia", "tool": "tool", "sector": "sector", "country": "country"}


def event(reports: Sequence[Report], *, tlp: Tlp, at: dt.datetime) -> bytes:
    """Return the event as JSON."""
    found = merge(reports)
    titles = [report.document.title or report.document.name for report in reports]
    tags = [{"name": f"tlp:{tlp}"}]
    tags += [{"name": f'misp-galaxy:mitre-attack-pattern="{_plain(each.name or each.id)} - {each.id}"'} for each, _ in found.techniques]
    tags += [{"name": f'misp-galaxy:{_GALAXY[each.kind]}="{_plain(each.name)}"'} for each, _ in found.entities if each.kind in _GALAXY]
    named = {item.value.upper() for item, _ in found.indicators if item.kind == "cve"}
    attributes = [_attribute(item, places, at) for item, places in found.indicators]
    attributes += [
        _cve(entity.name, places, at) for entity, places in found.entities if entity.kind == "cve" and entity.name.upper() not in named
    ]
    whole = {
        "Event": {
            "uuid": str(uuid.uuid5(_SPACE, "".join(sorted(report.document.id for report in reports)))),
            "info": titles[0] if len(titles) == 1 else f"{len(titles)} reports: {'; '.join(titles)}"[:1000],
            "date": at.date().isoformat(),
            "timestamp": str(int(at.timestamp())),
            "threat_level_id": "4",
            "analysis": "1",
            "distribution": "0",
            "published": False,
            "Tag": tags,
            "Attribute": attributes,
        }
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=1)


def _attribute(item: IndicatorSeen, places: Sequence[In], at: dt.datetime) -> dict[str, Any]:
    category, _, kind = MISP_OUT.get(item.kind, "Other/other").partition("/")
    where = "; ".join(f"{each.report.document.name} p.{each.quote.page}" for each in places[:5])
    label = f"kind={item.kind} " if kind == "other" else ""
    return {
        "uuid": str(uuid.uuid5(_SPACE, f"{item.kind}:{item.value}")),
        "type": kind,
        "category": category,
        "value": item.value,
        "to_ids": item.tier in STRONG,
        "distribution": "5",
        "timestamp": str(int(at.timestamp())),
        "comment": f"{label}{item.tier}: {item.reason} [{where}]"[:2000],
    }


def _cve(name: str, places: Sequence[In], at: dt.datetime) -> dict[str, Any]:
    quotes = tuple(each.quote for each in places)
    item = IndicatorSeen(
        kind="cve", value=name.upper(), tier="plain", reason="named in the text", shown=name, evidence=quotes, count=len(quotes)
    )
    return _attribute(item, places, at)


def _plain(name: str) -> str:
    return name.replace('"', "'").replace("\\", "/")
