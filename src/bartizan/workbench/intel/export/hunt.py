"""Where to look: hunts in words, and drafts of Sigma and YARA rules, each parsed by its own language before it is shown."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.intel.export.merged import STRONG, In, Merged, merge
from bartizan.workbench.intel.found import IndicatorSeen, Report

_SPACE: Final = uuid.UUID("f8f5a0a2-3a53-53e5-a5cf-6f4cb35f8c55")
_MOST: Final = 500
_LOGS: Final[Mapping[str, tuple[dict[str, str], str]]] = {
    "host": ({"category": "dns_query", "product": "windows"}, "QueryName|endswith"),
    "ipv4": ({"category": "firewall"}, "dst_ip"),
    "ipv6": ({"category": "firewall"}, "dst_ip"),
    "url": ({"category": "proxy"}, "c-uri|contains"),
    "user-agent": ({"category": "proxy"}, "c-useragent"),
    "md5": ({"category": "process_creation", "product": "windows"}, "Hashes|contains"),
    "sha1": ({"category": "process_creation", "product": "windows"}, "Hashes|contains"),
    "sha256": ({"category": "process_creation", "product": "windows"}, "Hashes|contains"),
    "filepath": ({"category": "file_event", "product": "windows"}, "TargetFilename|endswith"),
    "filename": ({"category": "file_event", "product": "windows"}, "TargetFilename|endswith"),
    "registry": ({"category": "registry_event", "product": "windows"}, "TargetObject|contains"),
    "pipe": ({"category": "pipe_created", "product": "windows"}, "PipeName|endswith"),
}
_STRINGS: Final = frozenset({"filename", "filepath", "mutex", "pipe", "pdb", "user-agent", "registry", "host", "url"})
_HASHES: Final = {"md5": "md5", "sha1": "sha1", "sha256": "sha256"}
_SUSPECT: Final = frozenset({"filename", "filepath", "registry", "pipe", "mutex", "pdb", "user-agent"})


class Hunt(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look for, and the quote that says why."""

    title: str
    look: str
    technique: str
    report: str
    page: int
    quote: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that its own parser accepts. It is a draft: nobody has run it on your logs."""

    language: Literal["sigma", "yara"]
    title: str
    text: str


class Hunts(msgspec.Struct, frozen=True, kw_only=True):
    """Hunts, drafts, and the drafts that a parser refused with its reason."""

    hunts: tuple[Hunt, ...]
    drafts: tuple[Draft, ...]
    refused: tuple[str, ...]


def hunts(reports: Sequence[Report]) -> Hunts:
    """Return what to look for; raises ConfigError where the parsers are not installed."""
    found = merge(reports)
    drafts: list[Draft] = []
    refused: list[str] = []
    for title, rule in _sigma(found, reports):
        _sort(Draft(language="sigma", title=title, text=rule), _sigma_error(rule), drafts, refused)
    for title, rule in _yara(found, reports):
        _sort(Draft(language="yara", title=title, text=rule), _yara_error(rule), drafts, refused)
    return Hunts(hunts=tuple(_hunts(found)), drafts=tuple(drafts), refused=tuple(refused))


def _sort(draft: Draft, why: str, drafts: list[Draft], refused: list[str]) -> None:
    if why:
        refused.append(f"{draft.title}: {why}")
    else:
        drafts.append(draft)


def _hunts(found: Merged) -> Iterator[Hunt]:
    for technique, places in found.techniques:
        for each in places[:1]:
            yield Hunt(
                title=f"{technique.id} {technique.name}",
                look=f"events in which {technique.name or technique.id} would show, first on hosts and accounts that the reports describe",
                technique=technique.id,
                report=each.report.document.name,
                page=each.quote.page,
                quote=" ".join(each.words.split()),
            )


def _wanted(found: Merged) -> Iterator[tuple[IndicatorSeen, Sequence[In]]]:
    for item, places in found.indicators:
        if item.tier in STRONG or (item.kind in _SUSPECT and item.tier == "plain"):
            yield item, places


def _sigma(found: Merged, reports: Sequence[Report]) -> Iterator[tuple[str, str]]:
    yaml = _module("yaml")
    groups: dict[tuple[str, str], list[str]] = {}
    for item, _ in _wanted(found):
        if item.kind in _LOGS and len(item.value) >= 4:
            log, field = _LOGS[item.kind]
            groups.setdefault((msgspec.json.encode(log).decode(), field), []).append(_sigma_value(item))
    name = (reports[0].document.title or reports[0].document.name)[:80] if len(reports) == 1 else f"{len(reports)} reports"
    for (source, field), values in sorted(groups.items()):
        log = msgspec.json.decode(source, type=dict[str, str])
        title = f"{log['category']} with indicators of {name}"
        rule: dict[str, Any] = {
            "title": title[:250],
            "id": str(uuid.uuid5(_SPACE, f"{source}{field}{sorted(values)}")),
            "status": "experimental",
            "description": "Draft made from threat reports; values are quoted there. Test it on your logs before you rely on it.",
            "references": [report.document.name for report in reports[:20]],
            "author": "bartizan",
            "logsource": log,
            "detection": {"selection": {field: sorted(set(values))[:_MOST]}, "condition": "selection"},
            "falsepositives": ["shared infrastructure and names that benign software uses as well"],
            "level": "medium",
        }
        yield title, yaml.safe_dump(rule, sort_keys=False, allow_unicode=True, width=140)


def _sigma_value(item: IndicatorSeen) -> str:
    value = item.value
    if item.kind in _HASHES:
        return f"{item.kind.upper()}={value}"
    if item.kind == "filename":
        value = "\\" + value
    return value.replace("\\*", "\\\\*").replace("*", "\\*").replace("?", "\\?")


def _sigma_error(rule: str) -> str:
    sigma, errors = _module("sigma.rule"), _module("sigma.exceptions")
    try:
        sigma.SigmaRule.from_yaml(rule)
    except (errors.SigmaError, ValueError) as error:
        return str(error)
    return ""


def _yara(found: Merged, reports: Sequence[Report]) -> Iterator[tuple[str, str]]:
    strings = [item for item, _ in _wanted(found) if item.kind in _STRINGS and 6 <= len(item.value) <= 200][:_MOST]
    hashes = [item for item, _ in _wanted(found) if item.kind in _HASHES][:_MOST]
    if not strings and not hashes:
        return
    key = uuid.uuid5(_SPACE, "".join(sorted(report.document.id for report in reports))).hex[:12]
    lines = ['import "hash"', ""] if hashes else []
    lines += [f"rule intel_{key}", "{", "  meta:", '    author = "bartizan"']
    lines += ['    description = "Draft made from threat reports; test it on clean files before you rely on it"']
    lines += [f"    report_{place} = {_yara_text(report.document.name)}" for place, report in enumerate(reports[:20])]
    if strings:
        lines += ["  strings:", *(f"    $s{place} = {_yara_text(item.value)} ascii wide nocase" for place, item in enumerate(strings))]
    tests = [f'hash.{item.kind}(0, filesize) == "{item.value.lower()}"' for item in hashes]
    if strings:
        tests.append(f"{min(2, len(strings))} of ($s*)")
    lines += [
        "  condition:",
        "    filesize < 50MB and (",
        *(f"      {'or ' if place else ''}{test}" for place, test in enumerate(tests)),
        "    )",
        "}",
        "",
    ]
    yield f"intel_{key}", "\n".join(lines)


def _yara_text(value: str) -> str:
    plain = (chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}" for byte in value.encode())
    return '"' + "".join(plain) + '"'


def _yara_error(rule: str) -> str:
    yara = _module("yara_x")
    try:
        yara.compile(rule)
    except yara.CompileError as error:
        return str(error)
    return ""


def _module(name: str) -> Any:  # noqa: ANN401 - a library without stubs
    import importlib  # noqa: PLC0415 - optional libraries, loaded when a hunt is asked for

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"hunting drafts need the library of {name}", hint="pip install 'bartizan[intel]'") from error
