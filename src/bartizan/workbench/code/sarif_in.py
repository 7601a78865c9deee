"""Read SARIF 2.1.0 of other tools, within limits; what does not fit is left out and told, and nothing a log says is believed as a path."""

from __future__ import annotations

import posixpath
import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
import re2

from bartizan.errors import BartizanError
from bartizan.workbench.code.finding import Finding, Note, Scan, Severity, Step, fingerprint

_MOST_RUNS: Final = 50
_MOST_RESULTS: Final = 100_000
_MOST_STEPS: Final = 60
_LONGEST: Final = 2_000
_LARGEST: Final = 256 << 20
_cwe: Final = re2.compile(r"(?i)cwe[-_/ ]{0,3}0*(\d{1,4})")
_LEVELS: Final[dict[str, Severity]] = {"error": "high", "warning": "medium", "note": "low", "none": "low"}


@cache
def _rules() -> dict[str, int]:
    """Weaknesses of ruff's rules, which its SARIF does not name."""
    data = tomllib.loads((resources.files(__package__) / "fusion" / "data" / "rules_of_ruff.toml").read_text(encoding="utf-8"))
    found: dict[str, int] = data["rules"]
    return found


class SarifError(BartizanError):
    """A log is no SARIF 2.1.0, or over a limit."""


def read(data: bytes, *, name: str = "") -> Scan:
    """Return the findings of a log; raises SarifError for what is no such log."""
    if len(data) > _LARGEST:
        raise SarifError(f"reading {name or 'the log'}: larger than {_LARGEST >> 20} MB")
    try:
        log = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise SarifError(f"reading {name or 'the log'}: no JSON: {str(error)[:100]}") from error
    if not isinstance(log, dict) or not str(log.get("version", "")).startswith("2.1") or not isinstance(log.get("runs"), list):
        raise SarifError(f"reading {name or 'the log'}: no SARIF 2.1 log", hint="version and runs are expected at the top")
    found: list[Finding] = []
    notes: list[Note] = []
    for run in log["runs"][:_MOST_RUNS]:
        if isinstance(run, dict):
            _run(run, found, notes)
    if len(log["runs"]) > _MOST_RUNS:
        notes.append(Note(code="budget", file=name, message=f"only {_MOST_RUNS} runs were read"))
    tools = sorted({finding.tool for finding in found})
    return Scan(findings=tuple(found), notes=tuple(notes), tool=", ".join(tools) or "none")


def _run(run: dict[str, Any], found: list[Finding], notes: list[Note]) -> None:
    driver = _at(run, "tool", "driver")
    tool = _text(_at(run, "tool", "driver", "name"))[:60] or "unknown"
    rules = [rule for rule in _list(driver, "rules") if isinstance(rule, dict)]
    for extension in _list(_at(run, "tool"), "extensions")[:_MOST_RUNS]:
        rules += [rule for rule in _list(extension, "rules") if isinstance(rule, dict)]
    by_id = {_text(rule.get("id")): rule for rule in rules}
    results = _list(run, "results")
    seen: dict[str, int] = {}
    for result in results[: _MOST_RESULTS - len(found)]:
        finding = _result(result, tool, by_id, seen) if isinstance(result, dict) else None
        if finding is None:
            notes.append(Note(code="outside", file="", message=f"a result of {tool} names no file inside the tree"))
        elif not result.get("suppressions"):
            found.append(finding)
    if len(results) > _MOST_RESULTS - len(found) + len(notes):
        notes.append(Note(code="budget", file="", message=f"more than {_MOST_RESULTS} results; the rest was not read"))


def _result(result: dict[str, Any], tool: str, rules: dict[str, dict[str, Any]], seen: dict[str, int]) -> Finding | None:
    id_ = _text(result.get("ruleId")) or _text(_at(result, "rule", "id"))
    rule = rules.get(id_) or {}
    places = _list(result, "locations")
    place = _place(places[0], "") if places else None
    if place is None:
        return None
    cwes = _cwes(result, rule, id_)
    flow = _flow(result)
    own = _at(result, "properties")
    score = own.get("p") if isinstance(own, dict) else None
    message = _text(_at(result, "message", "text")) or _text(_at(rule, "shortDescription", "text")) or id_
    base = fingerprint(id_, place.file, "", place.text or str(place.line))
    seen[base] = seen.get(base, 0) + 1
    fingerprints = result.get("partialFingerprints")
    kept = _text(fingerprints.get("bartizan/v1")) if isinstance(fingerprints, dict) else ""
    return Finding(
        id=kept[:64] or fingerprint(id_, place.file, "", place.text or str(place.line), seen[base] - 1),
        rule=id_[:120] or "unknown",
        cwe=cwes[0] if cwes else 0,
        cwes=tuple(cwes[1:6]),
        file=place.file,
        line=place.line,
        column=place.column,
        function=_text(_at(_first(_list(places[0], "logicalLocations")), "fullyQualifiedName"))[:200],
        severity=_severity(result, rule),
        p=min(1.0, max(0.0, float(score))) if isinstance(score, (int, float)) and not isinstance(score, bool) else 0.5,
        message=message[:_LONGEST],
        flow=flow or (place,),
        source_kind=_text(own.get("source"))[:20] if isinstance(own, dict) else "",
        sink_kind=_text(own.get("sink"))[:20] if isinstance(own, dict) else "",
        tool=tool,
    )


def _severity(result: dict[str, Any], rule: dict[str, Any]) -> Severity:
    score = _at(rule, "properties", "security-severity")
    try:
        value = float(score) if isinstance(score, (str, int, float)) else -1.0
    except ValueError:
        value = -1.0
    if value >= 0:
        return "critical" if value >= 9 else "high" if value >= 7 else "medium" if value >= 4 else "low"
    level = _text(result.get("level")) or _text(_at(rule, "defaultConfiguration", "level")) or "warning"
    return _LEVELS.get(level, "medium")


def _cwes(result: dict[str, Any], rule: dict[str, Any], id_: str) -> list[int]:
    words: list[str] = []
    for holder in (rule, result):
        words += [_text(each) for each in _list(_at(holder, "properties"), "tags")[:40]]
        cwe = _at(holder, "properties", "cwe")
        words += [_text(each) for each in cwe[:10]] if isinstance(cwe, list) else [_text(cwe)]
        for relation in (*_list(holder, "relationships")[:20], *_list(holder, "taxa")[:20]):
            name = _text(_at(relation, "toolComponent", "name")) or _text(_at(relation, "target", "toolComponent", "name"))
            words.append(f"{name}-{_text(_at(relation, 'id')) or _text(_at(relation, 'target', 'id'))}")
    words.append(_text(rule.get("helpUri")))
    words.append(id_)
    found = [int(match.group(1)) for word in words for match in _cwe.finditer(word[:300])]
    if not found and id_ in _rules():
        found = [_rules()[id_]]
    return list(dict.fromkeys(found))


def _flow(result: dict[str, Any]) -> tuple[Step, ...]:
    threads = _list(_first(_list(result, "codeFlows")), "threadFlows")
    steps: list[Step] = []
    for each in _list(_first(threads), "locations")[:_MOST_STEPS]:
        place = _place(_at(each, "location"), _text(_at(each, "location", "message", "text")))
        if place is not None:
            steps.append(place)
    return tuple(steps)


def _place(location: Any, why: str) -> Step | None:  # noqa: ANN401 - what JSON holds
    uri = _text(_at(location, "physicalLocation", "artifactLocation", "uri"))
    file = _inside(uri)
    if not file:
        return None
    region = _at(location, "physicalLocation", "region")
    line, column = _number(_at(region, "startLine")), _number(_at(region, "startColumn"))
    return Step(file=file, line=line, column=column, text=_text(_at(region, "snippet", "text")).strip()[:300], why=why[:300])


def _inside(uri: str) -> str:
    """Return a relative path inside the tree, or nothing."""
    try:
        parts = urlsplit(uri[:_LONGEST])
    except ValueError:
        return ""
    if parts.scheme not in {"", "file"} or parts.netloc:
        return ""
    path = posixpath.normpath(unquote(parts.path).replace("\\", "/").lstrip("/")) if parts.path else ""
    return "" if path in {"", "."} or path.startswith("..") or "\0" in path else path


def _number(value: Any) -> int:  # noqa: ANN401
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10_000_000 else 1


def _text(value: Any) -> str:  # noqa: ANN401
    return value[:_LONGEST] if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _list(value: Any, key: str) -> list[Any]:  # noqa: ANN401
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _first(values: list[Any]) -> Any:  # noqa: ANN401
    return values[0] if values else None


def _at(value: Any, *keys: str) -> Any:  # noqa: ANN401
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
