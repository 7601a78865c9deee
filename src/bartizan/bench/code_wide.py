"""``bartizan bench code --part wide``: applications labelled by hand, fusion, dependencies, and what each costs."""

from __future__ import annotations

import datetime as dt
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from bartizan.bench import code_apps
from bartizan.workbench.code import Finding, Scan, sarif_in, threatmodel, whole
from bartizan.workbench.code import sca as room
from bartizan.workbench.code.fusion import shipped_priors, triage
from bartizan.workbench.code.fusion.prior import counted
from bartizan.workbench.code.fusion.triage import Known
from bartizan.workbench.code.fusion.where import functions
from bartizan.workbench.code.repo import Opened, Tree
from bartizan.workbench.code.sca.fix import applied

_BY_LANGUAGE = {"python": ("python",), "javascript": ("languages",)}


def run(*, apps: Path | None, advisories: Path | None, bandit: str = "", ruff: str = "", verbose: bool = False) -> dict[str, Any]:
    """Measure what data is given for; every row of a part at once, peers in the same run.

    Args:
        apps: A folder with the repositories that ``code_labels`` names.
        advisories: A snapshot in OSV's form, read unsigned.
        bandit: Program to score beside bartizan, and to fuse; empty for none.
        ruff: The same.
        verbose: Name every label missed and every false finding.
    """
    result: dict[str, Any] = {}
    if apps is not None:
        result["applications"] = _apps(apps, bandit, ruff, verbose=verbose)
    if advisories is not None:
        result["dependencies"] = _dependencies(advisories, apps)
    return result


def _apps(folder: Path, bandit: str, ruff: str, *, verbose: bool) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    tellings: dict[str, list[Finding]] = {}
    trees: dict[str, Tree] = {}
    missing: list[str] = []
    for labelled in code_apps.shipped():
        name = labelled.app.app
        tree = code_apps.find(folder, labelled.app)
        if tree is None:
            missing.append(name)
            continue
        trees[name] = tree
        parts = _BY_LANGUAGE.get(labelled.app.language, whole.PARTS)
        scan = whole.scan(Opened(tree=tree), (*parts, "languages") if parts == ("python",) else parts)
        rows.append(_row(labelled, "bartizan", scan, verbose=verbose))
        tellings[name] = list(scan.findings)
        if labelled.app.language == "python":
            for tool, found in _peers(tree, bandit, ruff):
                rows.append(_row(labelled, tool, Scan(findings=tuple(found)), verbose=verbose))
                tellings[name] += found
    return {
        "rows": rows,
        "together": [_sum(rows, tool, language) for tool in ("bartizan", "Bandit", "ruff S") for language in ("python", "javascript")],
        "fused": _fused(tellings, trees),
        "missing": missing,
    }


def _row(labelled: code_apps.Labelled, tool: str, scan: Scan, *, verbose: bool) -> dict[str, Any]:
    score = code_apps.score(labelled, scan.findings)
    row: dict[str, Any] = {
        "app": score.app,
        "language": labelled.app.language,
        "tool": tool,
        "labels": score.labels,
        "hit": score.hit,
        "recall": round(score.recall, 3),
        "findings": score.findings,
        "true": score.true,
        "excused": score.excused,
        "precision": round(score.precision, 3),
        "logic": f"{score.logic_hit} of {score.logic}",
        "cpu_s": scan.cpu_s,
    }
    return row | ({"missed": score.missed, "false": score.false} if verbose else {})


def _sum(rows: Iterable[dict[str, Any]], tool: str, language: str) -> dict[str, Any]:
    own = [row for row in rows if row["tool"] == tool and row["language"] == language]
    labels, hit = sum(row["labels"] for row in own), sum(row["hit"] for row in own)
    true, judged = sum(row["true"] for row in own), sum(row["findings"] - row["excused"] for row in own)
    recall, precision = round(hit / labels, 3) if labels else 0.0, round(true / judged, 3) if judged else 0.0
    return {"tool": tool, "language": language, "labels": labels, "hit": hit, "recall": recall, "precision": precision}


def _fused(tellings: dict[str, list[Finding]], trees: dict[str, Tree]) -> dict[str, Any]:
    """Triage each application with rates learnt from the others only: how well the probabilities hold, and what is dropped."""
    pairs: list[tuple[float, bool]] = []
    flat: list[tuple[float, bool]] = []
    merged = kept = lost = 0
    inside = {
        each.app.app: [one for one in tellings.get(each.app.app, ()) if one.file.startswith(each.app.under)] for each in code_apps.shipped()
    }
    observed = {each.app.app: _observed(each, inside[each.app.app]) for each in code_apps.shipped()}
    for labelled in code_apps.shipped():
        name = labelled.app.app
        if name not in tellings:
            continue
        others = [row for app, rows in observed.items() if app != name for row in rows]
        known = Known(priors=counted(others, {}), today=dt.date(2026, 1, 1), least=0.2)
        weigh = threatmodel.exposure(threatmodel.build(trees[name]))
        within = inside[name]
        done = triage(within, known, functions(trees[name]), weigh)
        merged += len(within)
        kept += len(done.kept)
        lost += sum(
            1
            for out in done.dropped
            if out.why != "double" and any(label.kind == "must" and label.fits(out.finding) for label in labelled.labels)
        )
        for ranked in done.kept:
            fitting = [label.kind for label in labelled.labels if label.fits(ranked.finding)]
            if "may" not in fitting or "must" in fitting:
                right = any(kind != "may" for kind in fitting)
                pairs.append((ranked.finding.p, right))
                flat.append((max(f.p for f in within if f.id == ranked.finding.id), right))
    return {
        "findings_in": merged,
        "kept": kept,
        "true_dropped": lost,
        "brier": _brier(pairs),
        "brier_of_the_tools_own": _brier(flat),
        "ece_of_10": _ece(pairs),
        "judged": len(pairs),
        "note": "rates learnt from the other applications only",
    }


def _observed(labelled: code_apps.Labelled, findings: Iterable[Finding]) -> list[tuple[str, str, bool]]:
    rows: list[tuple[str, str, bool]] = []
    for finding in findings:
        fitting = [label.kind for label in labelled.labels if label.fits(finding)]
        if not fitting or any(kind != "may" for kind in fitting):
            rows.append((finding.tool, finding.rule, bool(fitting)))
    return rows


def _brier(pairs: list[tuple[float, bool]]) -> float:
    return round(statistics.fmean((p - right) ** 2 for p, right in pairs), 4) if pairs else 0.0


def _ece(pairs: list[tuple[float, bool]]) -> float:
    bins: dict[int, list[tuple[float, bool]]] = {}
    for p, right in pairs:
        bins.setdefault(min(9, int(p * 10)), []).append((p, right))
    gap = sum(
        abs(statistics.fmean(p for p, _ in each) - statistics.fmean(right for _, right in each)) * len(each) for each in bins.values()
    )
    return round(gap / len(pairs), 4) if pairs else 0.0


def _peers(tree: Tree, bandit: str, ruff: str) -> Iterable[tuple[str, list[Finding]]]:
    with tempfile.TemporaryDirectory(prefix="bartizan-bench-") as at:
        folder = Path(at)
        for file in tree.ending(".py"):
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.path).write_bytes(tree.read(file.path))
        if bandit:
            yield "Bandit", _bandit(bandit, folder)
        if ruff:
            words = [ruff, "check", "--isolated", "--select", "S", "--preview", "--output-format", "sarif", "."]
            done = subprocess.run(words, capture_output=True, check=False, cwd=folder)  # noqa: S603 - the caller's own program
            prefix = str(folder).lstrip("/") + "/"
            found = sarif_in.read(done.stdout).findings
            yield "ruff S", [msgspec.structs.replace(each, file=each.file.removeprefix(prefix), tool="ruff") for each in found]


def _bandit(program: str, folder: Path) -> list[Finding]:
    done = subprocess.run([program, "-q", "-r", str(folder), "-f", "json"], capture_output=True, check=False)  # noqa: S603 - as above
    return [
        Finding(
            id=f"{row['test_id']}{row['filename']}{row['line_number']}",
            rule=row["test_id"],
            cwe=int((row.get("issue_cwe") or {}).get("id") or 0),
            file=str(Path(row["filename"]).relative_to(folder)),
            line=row["line_number"],
            tool="Bandit",
        )
        for row in json.loads(done.stdout)["results"]
    ]


def _dependencies(path: Path, apps: Path | None) -> dict[str, Any]:
    begun = time.process_time()
    snapshot = room.open_snapshot(path, unsafe_unsigned=True)
    loading = time.process_time() - begun
    today = snapshot.manifest.made
    rows: list[dict[str, Any]] = []
    for labelled in code_apps.shipped() if apps is not None else ():
        tree = code_apps.find(apps, labelled.app) if apps is not None else None
        if tree is None or labelled.app.language != "python":
            continue
        begun = time.process_time()
        report = room.judge(tree, snapshot, today)
        steps = room.upgrades(report, snapshot)
        after = room.judge(tree.replaced(dict(applied(tree, steps))), snapshot, today)
        rows.append(
            {
                "app": labelled.app.app,
                "dependencies": len(report.dependencies),
                "verdicts": len(report.verdicts),
                "reached": sum(each.reach.reach in {"used", "imported"} for each in report.verdicts),
                "upgrades": len(steps),
                "ready": sum(step.state == "ready" for step in steps),
                "verdicts_after": len(after.verdicts),
                "cpu_s": round(time.process_time() - begun, 3),
            }
        )
    return {
        "entries": snapshot.manifest.rows,
        "loading_cpu_s": round(loading, 3),
        "applications": rows,
        "rates": len(shipped_priors().counts),
    }
