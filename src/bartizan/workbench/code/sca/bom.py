"""Bills of materials: CycloneDX 1.6 with the verdicts as VEX (https://cyclonedx.org/docs/1.6/json/)."""

from __future__ import annotations

import uuid
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bartizan import __version__
from bartizan.workbench.code.sca.judge import Report, Verdict
from bartizan.workbench.code.sca.locks import Dependency

_TYPES: Final = {"PyPI": "pypi", "npm": "npm", "Go": "golang", "Maven": "maven"}
_SEVERITY: Final = {"critical": "critical", "high": "high", "moderate": "medium", "medium": "medium", "low": "low"}
_SPACE: Final = uuid.UUID("6f0f4d5e-3f5c-5d2a-9f5e-4b8c2c1d7a90")


def purl(dependency: Dependency) -> str:
    """Return a package URL (https://github.com/package-url/purl-spec)."""
    name = quote(dependency.name, safe="/") if dependency.ecosystem != "PyPI" else quote(dependency.name, safe="")
    name = name.replace("@", "%40", 1) if name.startswith("@") else name
    version = f"@{quote(dependency.version, safe='')}" if dependency.version else ""
    return f"pkg:{_TYPES.get(dependency.ecosystem, 'generic')}/{name}{version}"


def document(report: Report, *, name: str, at: str) -> dict[str, Any]:
    """Return the bill of materials with its vulnerabilities.

    Args:
        report: What was judged.
        name: Of the application.
        at: When, as RFC 3339; the serial number is made of the content, so that equal inputs give equal bills.
    """
    components = {purl(each): _component(each) for each in report.dependencies if each.version}
    vulnerabilities: dict[str, dict[str, Any]] = {}
    for verdict in report.verdicts:
        entry = vulnerabilities.setdefault(verdict.advisory, _vulnerability(verdict))
        ref = {"ref": purl(verdict.dependency)}
        if ref not in entry["affects"]:
            entry["affects"].append(ref)
    body: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": at,
            "tools": {"components": [{"type": "application", "name": "bartizan", "version": __version__}]},
            "component": {"type": "application", "name": name, "bom-ref": "root"},
            "properties": [
                {"name": "bartizan:advisories:made", "value": report.snapshot},
                {"name": "bartizan:advisories:age-days", "value": str(report.age_days)},
                {"name": "bartizan:advisories:signed", "value": "true" if report.signed else "false"},
            ],
        },
        "components": [components[key] for key in sorted(components)],
        "vulnerabilities": [vulnerabilities[key] for key in sorted(vulnerabilities)],
    }
    serial = uuid.uuid5(_SPACE, msgspec.json.encode({key: value for key, value in body.items() if key != "metadata"}).decode())
    return body | {"serialNumber": f"urn:uuid:{serial}"}


def _component(dependency: Dependency) -> dict[str, Any]:
    group, _, name = dependency.name.rpartition("/") if dependency.ecosystem == "npm" else ("", "", dependency.name)
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl(dependency),
        "name": name,
        "version": dependency.version,
        "purl": purl(dependency),
    }
    return made | {"group": group} if group else made


def _vulnerability(verdict: Verdict) -> dict[str, Any]:
    url = f"https://osv.dev/vulnerability/{quote(verdict.advisory, safe='')}"
    made: dict[str, Any] = {
        "bom-ref": verdict.advisory,
        "id": verdict.advisory,
        "source": {"name": "OSV", "url": url},
        "references": [
            {"id": alias, "source": {"name": "OSV", "url": f"https://osv.dev/vulnerability/{quote(alias, safe='')}"}}
            for alias in verdict.aliases
        ],
        "description": verdict.summary,
        "analysis": _analysis(verdict),
        "affects": [],
        "properties": [{"name": "bartizan:score", "value": str(verdict.score)}],
    }
    if verdict.severity in _SEVERITY:
        made["ratings"] = [{"severity": _SEVERITY[verdict.severity], "method": "other"}]
    if verdict.fixed:
        made["recommendation"] = f"fixed in {', '.join(verdict.fixed[:5])}"
    return made


def _analysis(verdict: Verdict) -> dict[str, Any]:
    """Say what was found of reachability. Nothing is called exploitable or unaffected: a static look at the project alone shows neither."""
    match verdict.reach.reach:
        case "not-imported":
            return {"state": "in_triage", "detail": "no Python file of the project imports it; another dependency may"}
        case "tests-only":
            return {"state": "in_triage", "detail": "only tests of the project import it; another dependency may"}
        case "used":
            return {"state": "in_triage", "detail": f"the project uses {', '.join(verdict.reach.symbols[:5])}"}
        case "imported":
            return {"state": "in_triage", "detail": "the project imports it"}
        case _:
            return {"state": "in_triage", "detail": "whether the project reaches it was not looked at"}


def encode(report: Report, *, name: str, at: str) -> bytes:
    """Return the bill as JSON."""
    return msgspec.json.format(msgspec.json.encode(document(report, name=name, at=at)), indent=1)
