"""A STIX 2.1 bundle (OASIS, 2021): the same reports give the same ids, so that sending twice adds nothing."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from bartizan.workbench.intel.document import Tlp
from bartizan.workbench.intel.export.merged import BENIGN, CONFIDENCE, In, merge
from bartizan.workbench.intel.found import EntitySeen, IndicatorSeen, Report
from bartizan.workbench.intel.kinds import STIX_OUT

_SPACE: Final = uuid.UUID("7b2c9a54-6c1b-5e0f-9f0d-3d1a52b7c0de")
_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_TLP: Final[dict[Tlp, str]] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The marking definitions of TLP 2.0 as OASIS publishes them."""
_OBJECTS: Final = {
    "actor": "intrusion-set",
    "malware": "malware",
    "tool": "tool",
    "cve": "vulnerability",
    "sector": "identity",
    "country": "location",
}
_VERBS: Final = {
    ("intrusion-set", "malware"): "uses",
    ("intrusion-set", "tool"): "uses",
    ("intrusion-set", "vulnerability"): "targets",
    ("intrusion-set", "identity"): "targets",
    ("intrusion-set", "location"): "targets",
    ("malware", "vulnerability"): "exploits",
    ("malware", "tool"): "uses",
    ("malware", "malware"): "uses",
    ("malware", "identity"): "targets",
    ("malware", "location"): "targets",
    ("tool", "vulnerability"): "targets",
}
_QUOTES: Final = 5


def bundle(reports: Sequence[Report], *, tlp: Tlp, at: dt.datetime) -> bytes:  # noqa: C901 - one loop a kind of object
    """Return the bundle as JSON. ``at`` is the time of making, used where a report has no date."""
    stamp = _time(at)
    found = merge(reports)
    objects: list[dict[str, Any]] = [_marking(tlp)]
    source = _common("identity", "bartizan", stamp, tlp) | {"name": "bartizan", "identity_class": "system"}
    objects.append(source)
    refs: dict[str, list[str]] = {report.document.id: [] for report in reports}

    def add(item: dict[str, Any], places: Iterable[In]) -> str:
        item["created_by_ref"] = source["id"]
        item["external_references"] = [*item.get("external_references", []), *_references(places)]
        if not item["external_references"]:
            del item["external_references"]
        objects.append(item)
        for each in places:
            refs[each.report.document.id].append(item["id"])
        return str(item["id"])

    for indicator, places in found.indicators:
        if indicator.kind != "cve":
            add(_indicator(indicator, stamp, tlp), places)
    known: dict[tuple[str, str], str] = {}
    for entity, places in found.entities:
        known[entity.kind, entity.name] = add(_entity(entity, stamp, tlp), places)
    named = {entity.name.upper() for entity, _ in found.entities if entity.kind == "cve"}
    for indicator, places in found.indicators:
        if indicator.kind == "cve" and indicator.value.upper() not in named:
            add(_vulnerability(indicator.value, stamp, tlp), places)
    for technique, places in found.techniques:
        reference = {"source_name": "mitre-attack", "external_id": technique.id, "url": _attack(technique.id)}
        base = _common("attack-pattern", technique.id, stamp, tlp)
        phases = [{"kill_chain_name": "mitre-attack", "phase_name": tactic} for tactic in technique.tactics]
        extra = {"kill_chain_phases": phases} if phases else {}
        add(
            base
            | {"name": technique.name or technique.id, "confidence": round(100 * technique.p), "external_references": [reference]}
            | extra,
            places,
        )
    for relation, places in found.relations:
        ends = known.get((relation.subject_kind, relation.subject)), known.get((relation.object_kind, relation.object))
        if ends[0] and ends[1] and ends[0] != ends[1]:
            objects.append(_relationship(ends[0], ends[1], relation.verb, places, source["id"], stamp, tlp))
    objects += [_report(report, refs[report.document.id], source["id"], stamp, tlp) for report in reports]
    whole = {"type": "bundle", "id": f"bundle--{uuid.uuid5(_SPACE, ''.join(sorted(refs)) + stamp)}", "objects": objects}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1)


def _common(kind: str, key: str, stamp: str, tlp: Tlp) -> dict[str, Any]:
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uuid.uuid5(_SPACE, f'{kind}:{key}')}",
        "created": stamp,
        "modified": stamp,
        "object_marking_refs": [_TLP[tlp]],
    }


def _marking(tlp: Tlp) -> dict[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": _TLP[tlp],
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{tlp.upper()}",
        "extensions": {_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp}},
    }


def _indicator(item: IndicatorSeen, stamp: str, tlp: Tlp) -> dict[str, Any]:
    return _common("indicator", f"{item.kind}:{item.value}", stamp, tlp) | {
        "name": f"{item.kind} {item.value}"[:500],
        "description": f"{item.tier}: {item.reason}",
        "indicator_types": [
            "benign" if item.tier in BENIGN else "malicious-activity" if item.tier in CONFIDENCE and item.tier != "plain" else "unknown"
        ],
        "pattern": pattern(item.kind, item.value),
        "pattern_type": "stix",
        "valid_from": stamp,
        "confidence": CONFIDENCE.get(item.tier, 5),
        "labels": [f"context:{item.tier.replace(' ', '-')}"],
    }


def pattern(kind: str, value: str) -> str:
    """Return the STIX pattern of an indicator."""
    path = STIX_OUT.get(kind) or f"x-bartizan-{kind}:value"
    if kind == "cidr" and ":" in value:
        path = "ipv6-addr:value"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"[{path} = '{escaped}']"


def _entity(entity: EntitySeen, stamp: str, tlp: Tlp) -> dict[str, Any]:
    if entity.kind == "cve":
        return _vulnerability(entity.name, stamp, tlp)
    kind = _OBJECTS[entity.kind]
    made = _common(kind, entity.key, stamp, tlp) | {"name": entity.name}
    match kind:
        case "malware":
            made["is_family"] = True
        case "identity":
            made["identity_class"] = "class"
        case "location":
            made["region"] = "unspecified"
            made["description"] = "a country that the reports name"
        case _:
            pass
    if entity.aliases and kind in {"intrusion-set", "malware", "tool"}:
        made["aliases"] = list(entity.aliases)
    if entity.id:
        made["external_references"] = [{"source_name": "misp-galaxy" if "-" in entity.id else "mitre-attack", "external_id": entity.id}]
    return made


def _vulnerability(name: str, stamp: str, tlp: Tlp) -> dict[str, Any]:
    reference = {"source_name": "cve", "external_id": name.upper()}
    return _common("vulnerability", f"cve:{name.upper()}", stamp, tlp) | {"name": name.upper(), "external_references": [reference]}


def _relationship(one: str, other: str, verb: str, places: Sequence[In], source: str, stamp: str, tlp: Tlp) -> dict[str, Any]:
    kinds = one.partition("--")[0], other.partition("--")[0]
    return _common("relationship", f"{one}>{verb}>{other}", stamp, tlp) | {
        "relationship_type": _VERBS.get(kinds, "related-to"),
        "source_ref": one,
        "target_ref": other,
        "description": verb,
        "created_by_ref": source,
        "external_references": list(_references(places)) or [{"source_name": "bartizan", "description": verb}],
    }


def _report(report: Report, refs: Sequence[str], source: str, stamp: str, tlp: Tlp) -> dict[str, Any]:
    document = report.document
    published = f"{document.published}T00:00:00.000Z" if _is_date(document.published) else stamp
    return _common("report", document.id, stamp, tlp) | {
        "name": document.title or document.name,
        "published": published,
        "report_types": ["threat-report"],
        "object_refs": list(dict.fromkeys(refs)) or [source],
        "created_by_ref": source,
        "external_references": [{"source_name": document.name[:500], "description": f"SHA-256 {document.id}"}],
    }


def _references(places: Iterable[In]) -> Iterator[dict[str, str]]:
    for each in list(places)[:_QUOTES]:
        where = f"page {each.quote.page}, characters {each.quote.start} to {each.quote.end}, SHA-256 of the quote {each.quote.sha256}"
        yield {"source_name": each.report.document.name[:500], "description": f"{where}: {each.words[:1000]}"}


def _attack(technique: str) -> str:
    return f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"


def _time(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
