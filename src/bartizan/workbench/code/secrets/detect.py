"""Find credentials: known formats with their checks first, then random text under a name that says secret."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

import re2

from bartizan.guard.secrets import Format, entropy, read_formats
from bartizan.workbench.code.finding import Finding, Note, Step, fingerprint
from bartizan.workbench.code.repo import Tree

_BINARY: Final = (  # what holds no text, or text of tools
    ".png", ".jpg", ".jpeg", ".gif", ".ico", ".pdf", ".zip", ".gz", ".woff", ".woff2",
    ".ttf", ".eot", ".mp4", ".pyc", ".so", ".jar", ".min.js", ".map",
    ".svg", ".lock", "-lock.json", ".sum", "-lock.yaml", ".ipynb",
)  # fmt: skip
_CONFIG: Final = (
    ".env",
    ".ini",
    ".cfg",
    ".conf",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".properties",
    ".xml",
    ".tfvars",
    ".tf",
    ".sh",
    ".ps1",
    ".php",
    ".rb",
)
_named: Final = re2.compile(
    r"""(?i)([a-z0-9_.-]{0,40}(?:secret|passw(?:or)?d|passwd|api[_-]?key|access[_-]?key|auth[_-]?token|private[_-]?key|client[_-]?secret|token)[a-z0-9_]{0,12})"""
    r"""["']?\s{0,4}(?:=>|[:=])\s{0,4}["']?([A-Za-z0-9+/=_\-!@#$%^&*.]{8,200})["']?"""
)
_placeholder: Final = re2.compile(
    r"(?i)example|placeholder|change_?me|your|xxxx|\*\*\*|redacted|dummy|sample|test|todo|<|\$[{(a-z]|%\(|env[.(\[]|process\.|config\.|getenv|secrets\.|none|null|true|false"
    r"|^[a-z]+(?:[._-][a-z]+)*$|^[\d.]+$|^/|\.(?:js|py|html|json|txt|pem)$|^[a-f0-9]{32,}$.*checksum|sha(?:1|256|512)-"
)
_LEAST_BITS: Final = 3.2
_LARGEST: Final = 1 << 20
_LONGEST_LINE: Final = 4_000
_MOST_A_FILE: Final = 200


@cache
def _formats() -> tuple[Format, ...]:
    return read_formats((resources.files("bartizan.guard") / "data" / "secrets.toml").read_bytes())


@cache
def _patterns() -> tuple[tuple[Format, re2._Regexp[str]], ...]:
    return tuple((each, re2.compile(each.pattern)) for each in _formats())


def scan(tree: Tree, notes: list[Note], *, only: frozenset[str] | None = None) -> tuple[Finding, ...]:
    """Return the credentials in a tree; files that are not read are told in ``notes``."""
    found: list[Finding] = []
    for file in tree.files:
        if file.path.lower().endswith(_BINARY) or (only is not None and file.path not in only):
            continue
        if file.size > _LARGEST:
            notes.append(Note(code="too-large", file=file.path, message="not searched for credentials"))
            continue
        data = tree.read(file.path)
        if b"\0" not in data[:4096]:
            found += _file(file.path, data.decode("utf-8", "replace"))
    return tuple(found)


def _file(path: str, text: str) -> list[Finding]:
    found: dict[tuple[int, str], Finding] = {}
    lines = text.splitlines()
    for form, pattern in _patterns():
        for match in pattern.finditer(text):
            if form.is_one(match.group(0)) and len(found) < _MOST_A_FILE:
                number = text.count("\n", 0, match.start()) + 1
                found.setdefault((number, form.id), _finding(path, number, lines, form.id, match.group(0), 0.9))
    if path.lower().endswith(_CONFIG) or path.rpartition("/")[2].startswith(".env"):
        known = {number for number, _ in found}
        for number, line in enumerate(lines, 1):
            if number not in known and len(line) <= _LONGEST_LINE and (match := _named.search(line)) and len(found) < _MOST_A_FILE:
                value = match.group(2)
                if not _placeholder.search(value) and entropy(value) >= _LEAST_BITS and len(set(value)) >= 6:
                    found[number, "named"] = _finding(path, number, lines, f"value of {match.group(1)[:40]}", value, 0.55)
    return list(found.values())


def _finding(path: str, number: int, lines: list[str], kind: str, token: str, p: float) -> Finding:
    line = lines[number - 1] if number <= len(lines) else ""
    shown = line.replace(token, masked(token)).strip()[:200] if token in line else ""
    rule = f"secret/{'named' if kind.startswith('value of') else kind}"
    testing = any(part in f"/{path.lower()}" for part in ("/test", "/example", "/fixture", "/sample", "/mock", "/docs/"))
    step = Step(file=path, line=number, text=shown, why=f"credential: {kind}")
    return Finding(
        id=fingerprint(rule, path, "", masked(token) + str(len(token)), number),
        rule=rule,
        cwe=798,
        cwes=(321,) if "private-key" in kind else (259,),
        file=path,
        line=number,
        severity="high" if p > 0.8 else "medium",
        p=round(p * (0.4 if testing else 1.0), 2),
        message=f"{kind} in the source; it stays in the history when the line goes: revoke it",
        flow=(step,),
        sink_kind="secret",
    )


def masked(token: str) -> str:
    """Return what may be shown of a credential: what every one of its kind begins with."""
    return token[:4] + "*" * 8 if len(token) > 12 else "*" * 8
