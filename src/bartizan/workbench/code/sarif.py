"""Write findings as SARIF 2.1.0 (OASIS standard): rules with CWE tags, regions, code flows, fingerprints, and what was not read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bartizan.workbench.code.finding import Finding, Note, Scan, Step

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5"}
"""What code hosts sort by (`security-severity`)."""


def document(scan: Scan) -> dict[str, Any]:
    """Return the SARIF log of one scan."""
    rules = {finding.rule: finding for finding in scan.findings}
    order = {rule: at for at, rule in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": scan.tool,
                "version": scan.version or "0",
                "rules": [_rule(finding) for finding in rules.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The folder that was scanned."}}},
        "results": [_result(finding, order[finding.rule]) for finding in scan.findings],
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [_notification(note) for note in scan.notes]}],
        "properties": {"coverage": msgspec.to_builtins(scan.coverage)},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def encode(scan: Scan) -> bytes:
    """Return the SARIF log as bytes."""
    return msgspec.json.format(msgspec.json.encode(document(scan)), indent=1)


def _rule(finding: Finding) -> dict[str, Any]:
    title, _, advice = finding.message.partition(". ")
    return {
        "id": finding.rule,
        "name": finding.rule.rpartition("/")[2],
        "shortDescription": {"text": title or finding.rule},
        "help": {"text": advice or title or finding.rule},
        "properties": {
            "tags": ["security", *(f"external/cwe/cwe-{cwe:03d}" for cwe in _cwes(finding))],
            "precision": "high" if finding.p >= 0.8 else "medium",
            "security-severity": _SCORES[finding.severity],
        },
    }


def _cwes(finding: Finding) -> Iterable[int]:
    return dict.fromkeys(cwe for cwe in (finding.cwe, *finding.cwes) if cwe)


def _result(finding: Finding, index: int) -> dict[str, Any]:
    out: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message or finding.rule},
        "locations": [_location(finding)],
        "partialFingerprints": {"bartizan/v1": finding.id},
        "rank": round(finding.p * 100, 1),
        "properties": {
            "tags": [f"external/cwe/cwe-{finding.cwe:03d}"] if finding.cwe else [],
            "severity": finding.severity,
            "p": finding.p,
            "source": finding.source_kind,
            "sink": finding.sink_kind,
            "evidence": list(finding.evidence),
            "tool": finding.tool,
        },
    }
    if finding.cwe:
        out["taxa"] = [{"id": str(finding.cwe), "toolComponent": {"name": "CWE"}}]
    if finding.flow:
        out["codeFlows"] = [{"threadFlows": [{"locations": [{"location": _place(step)} for step in finding.flow]}]}]
    return out


def _location(finding: Finding) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": max(1, finding.line), "startColumn": max(1, finding.column)}
    if finding.end_line:
        region["endLine"] = finding.end_line
        region["endColumn"] = max(1, finding.end_column)
    out: dict[str, Any] = {"physicalLocation": {"artifactLocation": _artifact(finding.file), "region": region}}
    if finding.function:
        out["logicalLocations"] = [{"fullyQualifiedName": finding.function, "kind": "function"}]
    return out


def _artifact(file: str) -> dict[str, str]:
    return {"uri": quote(file), "uriBaseId": "ROOT"}


def _place(step: Step) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": max(1, step.line), "startColumn": max(1, step.column)}
    if step.text:
        region["snippet"] = {"text": step.text}
    return {
        "physicalLocation": {"artifactLocation": _artifact(step.file), "region": region},
        "message": {"text": step.why or "passes here"},
    }


def _notification(note: Note) -> dict[str, Any]:
    region = {"region": {"startLine": note.line}} if note.line else {}
    return {
        "level": "warning",
        "descriptor": {"id": note.code},
        "message": {"text": note.message},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(note.file), **region}}],
    }
