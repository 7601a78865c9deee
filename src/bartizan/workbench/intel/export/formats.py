"""Every format by its name, and who may get what: reports above the audience's TLP are left out before anything is written."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bartizan.errors import RefusedError
from bartizan.workbench.intel.brief import TACTICS, Brief, brief
from bartizan.workbench.intel.document import TLP, Tlp, strictest
from bartizan.workbench.intel.export import misp, stix
from bartizan.workbench.intel.export.merged import STRONG, merge
from bartizan.workbench.intel.found import Report

_ATTACK: Final = "18"
_GUARD_KINDS: Final = frozenset(
    {"host", "url", "ipv4", "ipv6", "email", "md5", "sha1", "sha256", "sha512", "bitcoin", "ethereum", "monero"}
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Whom it is for: nothing above ``tlp`` goes out; reports without a level count as ``unmarked``."""

    tlp: Tlp
    unmarked: Tlp = "amber"
    at: dt.datetime


def export(reports: Sequence[Report], form: str, audience: Audience) -> bytes:
    """Return reports in a format; raises RefusedError when it is unknown or nothing may go out."""
    if form not in FORMATS:
        raise RefusedError(f"there is no format {form[:40]!r}", code="unknown_format", hint=f"one of {', '.join(FORMATS)}")
    allowed = [each for each in reports if TLP.index(each.document.tlp or audience.unmarked) <= TLP.index(audience.tlp)]
    if reports and not allowed:
        raise RefusedError(
            f"all {len(reports)} reports are above TLP:{audience.tlp.upper()}",
            code="tlp",
            status=403,
            hint="name a stricter level the audience has: --tlp",
        )
    level = strictest(tuple(each.document.tlp for each in allowed), unmarked=audience.unmarked)
    return FORMATS[form](allowed, level, audience)


def _stix(reports: Sequence[Report], tlp: Tlp, audience: Audience) -> bytes:
    return stix.bundle(reports, tlp=tlp, at=audience.at)


def _misp(reports: Sequence[Report], tlp: Tlp, audience: Audience) -> bytes:
    return misp.event(reports, tlp=tlp, at=audience.at)


def _navigator(reports: Sequence[Report], tlp: Tlp, _: Audience) -> bytes:
    found = merge(reports)
    techniques: list[dict[str, Any]] = [
        {
            "techniqueID": item.id,
            "score": round(100 * item.p),
            "enabled": True,
            "comment": "\n".join(f"{each.report.document.name} p.{each.quote.page}: {each.words[:300]}" for each in places[:3]),
            "metadata": [{"name": "reports", "value": str(len(places))}],
        }
        for item, places in found.techniques
    ]
    layer = {
        "name": f"{len(reports)} reports",
        "versions": {"attack": _ATTACK, "navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": f"TLP:{tlp.upper()}; score is the confidence in percent, the comment its quote",
        "gradient": {"colors": ["#ffffff", "#1f5a99"], "minValue": 0, "maxValue": 100},
        "techniques": techniques,
    }
    return msgspec.json.format(msgspec.json.encode(layer), indent=1)


def _csv(reports: Sequence[Report], tlp: Tlp, _: Audience) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["kind", "value", "tier", "reason", "tlp", "report", "page", "start", "end", "sha256"])
    for item, places in merge(reports).indicators:
        for each in places:
            quote = each.quote
            row = [
                item.kind,
                item.value,
                item.tier,
                item.reason,
                tlp,
                each.report.document.name,
                quote.page,
                quote.start,
                quote.end,
                quote.sha256,
            ]
            writer.writerow([_cell(cell) for cell in row])
    return out.getvalue().encode()


def _jsonl(reports: Sequence[Report], tlp: Tlp, _: Audience) -> bytes:
    return b"".join(
        msgspec.json.encode(
            {
                "kind": item.kind,
                "value": item.value,
                "tier": item.tier,
                "reason": item.reason,
                "tlp": tlp,
                "reports": [each.report.document.id for each in places],
            }
        )
        + b"\n"
        for item, places in merge(reports).indicators
    )


def _guard(reports: Sequence[Report], tlp: Tlp, _: Audience) -> bytes:
    """Rules for ``[guard]`` of bartizan.toml: indicators that a report vouches for, as phrases under every normalisation."""
    lines = [f"# TLP:{tlp.upper()}: indicators of {len(reports)} reports; add to bartizan.toml"]
    for item, _places in merge(reports).indicators:
        if item.tier in STRONG and item.kind in _GUARD_KINDS:
            name = hashlib.sha256(f"{item.kind}:{item.value}".encode()).hexdigest()[:16]
            value = msgspec.json.encode(item.value).decode()
            lines += ["", "[[guard.rules]]", f'id = "intel-{name}"', f"phrase = {value}", 'category = "threat_indicator"']
    return ("\n".join(lines) + "\n").encode()


def _markdown(reports: Sequence[Report], _: Tlp, audience: Audience) -> bytes:
    made = brief(reports, unmarked=audience.unmarked)
    return "\n".join(_md(made, reports)).encode()


def _md(made: Brief, reports: Sequence[Report]) -> list[str]:
    lines = [f"# Brief of {made.documents} reports", "", f"TLP:{made.tlp.upper()}. Priority: **{made.priority.level}**.", ""]
    lines += [f"- {_text(reason.what)} [{_text(reason.doc)} p. {reason.quote.page}]" for reason in made.priority.reasons]
    lines += ["", "## Summary", ""]
    for each in made.statements:
        where = "; ".join(f"{_text(citation.doc)} p. {citation.page} [{citation.start}:{citation.end}]" for citation in each.citations)
        lines.append(f"- {_text(each.statement)} ({where})")
    lines += ["", "## ATT&CK", "", "| technique | name | tactics | confidence |", "|---|---|---|---|"]
    lines += [f"| {row.id} | {_text(row.name)} | {_text(', '.join(row.tactics))} | {row.p:.2f} |" for row in made.techniques]
    lines += ["", "## Indicators", "", "| kind | value | why |", "|---|---|---|"]
    lines += [f"| {item.kind} | `{item.value.replace('`', '')}` | {_text(item.tier)} |" for item, _ in merge(reports).indicators]
    lines += ["", "## Not known", "", *(f"- {_text(each)}" for each in made.unknown), ""]
    return lines


def _text(words: str) -> str:
    """Return words with Markdown's and HTML's own characters escaped: a report must not draw links or images into ours."""
    for mark in "\\`*_{}[]()#+!|<>&":
        words = words.replace(mark, f"\\{mark}" if mark not in "<>&" else {"<": "&lt;", ">": "&gt;", "&": "&amp;"}[mark])
    return " ".join(words.split())


def _cell(value: object) -> object:
    """Keep a spreadsheet from running a cell as a formula (CWE-1236)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


FORMATS: Final[Mapping[str, Callable[[Sequence[Report], Tlp, Audience], bytes]]] = {
    "stix": _stix,
    "misp": _misp,
    "navigator": _navigator,
    "csv": _csv,
    "jsonl": _jsonl,
    "md": _markdown,
    "guard": _guard,
}
"""Every format: STIX 2.1, MISP, Navigator layer 4.5, tables, a Markdown brief, and rules for the guard."""

__all__ = ["FORMATS", "TACTICS", "Audience", "export"]
