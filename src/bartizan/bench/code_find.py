"""``bartizan bench code --part find``: how much is found, how much of it is false, and how fast, on data of your own.

Peers that are installed in the environment given run on the same files in the same run. All rows stand together, since each alone can
be bought with the others.
"""

from __future__ import annotations

import csv
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Literal

import msgspec

from bartizan.bench import code_peers
from bartizan.errors import ConfigError
from bartizan.workbench.code import at_least
from bartizan.workbench.code.python import scan
from bartizan.workbench.intel.extract.rows import rows_of

_CATEGORIES: Final[dict[str, frozenset[int]]] = {
    "cmdi": frozenset({77, 78, 88}),
    "codeinj": frozenset({94, 95, 96}),
    "deserialization": frozenset({502}),
    "hash": frozenset({327, 328, 916}),
    "ldapi": frozenset({90}),
    "pathtraver": frozenset({22, 23, 36, 73}),
    "redirect": frozenset({601}),
    "securecookie": frozenset({614, 1004}),
    "sqli": frozenset({89, 564}),
    "trustbound": frozenset({501}),
    "weakrand": frozenset({330, 338}),
    "xpathi": frozenset({643}),
    "xss": frozenset({79, 80, 116}),
    "xxe": frozenset({611, 776}),
}
"""Which weaknesses count as the benchmark's category."""
_ALIKE: Final = (
    {77, 78, 88}, {94, 95, 96}, {89, 564, 943}, {22, 23, 36, 73, 99}, {79, 80, 83, 87, 116}, {326, 327, 328, 759, 760, 916},
    {330, 331, 335, 337, 338, 339}, {611, 776, 827}, {295, 297, 599}, {798, 259, 321, 522}, {1333, 730, 400}, {732, 276, 277, 281},
    {377, 378, 379}, {117, 93, 113}, {614, 1004}, {347, 345}, {306, 862, 285}, {200, 209, 215, 497}, {918, 441},
)  # fmt: skip
"""Weaknesses that count as one another for sets with one label a row."""
Found = list[tuple[str, int, int, frozenset[int], bool]]
"""File, first and last line, weaknesses, at least medium."""


class Owasp(msgspec.Struct, frozen=True, kw_only=True):
    """A tool on the OWASP benchmark's cases; the score is the mean over categories of recall less false alarms, times 100."""

    tool: str
    cases: int
    found: int
    false: int
    f1: float
    score: float
    cpu_s: float


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool on rows that all are insecure."""

    tool: str
    rows: int
    found: int
    found_medium: int
    cpu_s: float


class Benign(msgspec.Struct, frozen=True, kw_only=True):
    """A tool on code that is taken for sound; nothing was checked by hand."""

    tool: str
    lines: int
    findings: int
    medium: int
    medium_per_kloc: float
    cpu_s_per_100_kloc: float
    warm_cpu_s_per_100_kloc: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All rows; empty where no data was given."""

    cases: str
    owasp: tuple[Owasp, ...]
    recall: tuple[Recall, ...]
    benign: tuple[Benign, ...]


Cases = Literal["even", "odd", "all"]


def measure(
    *, data: Path | None, owasp: Path | None, cases: Cases = "even", benign: Iterable[Path] = (), peers: Path | None = None
) -> Report:
    """Measure on what is given.

    Raises:
        ConfigError: A folder isn't there.
    """
    folders = list(benign)
    for folder in (data, owasp, peers, *folders):
        if folder is not None and not folder.is_dir():
            raise ConfigError(f"{folder} is no folder", hint="see docs/code.md for the data that the benchmark reads")
    tools: dict[str, Callable[[Path], Found]] = {"bartizan": _ours, **(code_peers.tools(peers) if peers is not None else {})}
    return Report(
        cases=cases,
        owasp=tuple(_owasp(name, tool, owasp, cases) for name, tool in tools.items()) if owasp is not None else (),
        recall=tuple(_recall(name, tool, data) for name, tool in tools.items()) if data is not None else (),
        benign=tuple(_benign(name, tool, folders) for name, tool in tools.items()) if folders else (),
    )


def _ours(root: Path) -> Found:
    done = scan(root)
    return [(one.file, one.line, one.end_line, frozenset({one.cwe}), at_least(one, "medium")) for one in done.findings]


def _timed(tool: Callable[[Path], Found], root: Path) -> tuple[Found, float]:
    begun = _cpu()
    return tool(root), round(_cpu() - begun, 2)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _owasp(name: str, tool: Callable[[Path], Found], root: Path, cases: Cases) -> Owasp:
    expected = _expected(root, cases)
    found, cpu = _timed(tool, root)
    flagged: dict[str, set[int]] = defaultdict(set)
    for file, _, _, cwes, _ in found:
        flagged[Path(file).stem] |= cwes
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for case, (category, real) in expected.items():
        hit = bool(flagged[case] & _CATEGORIES[category])
        counts[category][("T" if hit == real else "F") + ("P" if hit else "N")] += 1
    total = sum(counts.values(), Counter[str]())
    scores = [c["TP"] / max(1, c["TP"] + c["FN"]) - c["FP"] / max(1, c["FP"] + c["TN"]) for c in counts.values()]
    return Owasp(
        tool=name,
        cases=len(expected),
        found=total["TP"],
        false=total["FP"],
        f1=round(2 * total["TP"] / max(1, 2 * total["TP"] + total["FP"] + total["FN"]), 3),
        score=round(100 * sum(scores) / max(1, len(scores)), 1),
        cpu_s=cpu,
    )


def _expected(root: Path, cases: Cases) -> dict[str, tuple[str, bool]]:
    paths = sorted(root.glob("expectedresults*.csv"))
    if not paths:
        raise ConfigError(f"no expectedresults*.csv in {root}", hint="give the root of a clone of BenchmarkPython")
    with paths[0].open(encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row and row[0].startswith("BenchmarkTest")]
    wanted = {"even": {0}, "odd": {1}, "all": {0, 1}}[cases]
    return {row[0]: (row[1], row[2] == "true") for row in rows if int(row[0].removeprefix("BenchmarkTest")) % 2 in wanted}


def _recall(name: str, tool: Callable[[Path], Found], data: Path) -> Recall:
    path = next(iter(sorted(data.glob("securityeval*.jsonl*"))), None)
    if path is None:
        raise ConfigError(f"no securityeval*.jsonl in {data}", hint="rows with cwe and code, all of them insecure")
    rows = list(rows_of(path))
    with tempfile.TemporaryDirectory() as folder:
        for at, row in enumerate(rows):
            Path(folder, f"row_{at}.py").write_text(row["code"], encoding="utf-8")
        found, cpu = _timed(tool, Path(folder))
    by_row: dict[str, list[tuple[frozenset[int], bool]]] = defaultdict(list)
    for file, _, _, cwes, medium in found:
        by_row[Path(file).stem].append((cwes, medium))
    hits = [[medium for cwes, medium in by_row[f"row_{at}"] if _alike(int(row["cwe"]), cwes)] for at, row in enumerate(rows)]
    return Recall(tool=name, rows=len(rows), found=sum(map(bool, hits)), found_medium=sum(any(hit) for hit in hits), cpu_s=cpu)


def _alike(cwe: int, found: frozenset[int]) -> bool:
    return cwe in found or any(cwe in group and group & found for group in _ALIKE)


def _benign(name: str, tool: Callable[[Path], Found], folders: list[Path]) -> Benign:
    lines, findings, medium, cpu = 0, 0, 0, 0.0
    for folder in folders:
        lines += sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.py"))
        found, took = _timed(tool, folder)
        findings, medium, cpu = findings + len(found), medium + sum(one[-1] for one in found), cpu + took
    return Benign(
        tool=name,
        lines=lines,
        findings=findings,
        medium=medium,
        medium_per_kloc=round(1000 * medium / max(1, lines), 3),
        cpu_s_per_100_kloc=round(1e5 * cpu / max(1, lines), 1),
        warm_cpu_s_per_100_kloc=_warm(folders, lines) if name == "bartizan" else None,
    )


def _warm(folders: list[Path], lines: int) -> float:
    """Scan again what a first scan has kept."""
    took = 0.0
    with tempfile.TemporaryDirectory() as kept:
        for folder in folders:
            scan(folder, cache=Path(kept))
            begun = time.process_time()
            scan(folder, cache=Path(kept))
            took += time.process_time() - begun
    return round(1e5 * took / max(1, lines), 2)
