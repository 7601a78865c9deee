"""Build ``workbench/code/fusion/data/priors.json``: how often rules of Bandit, ruff and bartizan are right on code labelled by hand.

Usage: python scripts/build_code_priors.py DIR BANDIT RUFF

``DIR`` holds the repositories named in ``bench/code_labels``; of those, only applications under a licence that allows it are counted
(``LICENCES`` below). A finding that a label calls true counts as right, one that no label speaks of as wrong, one that is a matter of
taste not at all. ``BANDIT`` and ``RUFF`` are the programs. Only counts are kept, nothing of the code.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from bartizan.bench import code_apps
from bartizan.workbench.code import Finding, sarif_in, whole
from bartizan.workbench.code.fusion import prior
from bartizan.workbench.code.repo import Opened, Tree

TARGET = Path(prior.__file__).parent / "data" / "priors.json"
LICENCES = {
    "pygoat": "MIT",
    "vulpy": "MIT",
    "dsvw": "Unlicense",
    "nodegoat": "Apache-2.0",
    "dvna": "MIT",
    "vulnerable-node": "BSD-3-Clause",
}


def laid_out(tree: Tree, folder: Path) -> None:
    for file in tree.files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(tree.read(file.path))


def bandit(program: str, folder: Path) -> list[Finding]:
    done = subprocess.run([program, "-q", "-r", str(folder), "-f", "json"], capture_output=True, check=False)  # noqa: S603 - given by the caller
    rows = json.loads(done.stdout)["results"]
    return [
        Finding(
            id="",
            rule=row["test_id"],
            cwe=int((row.get("issue_cwe") or {}).get("id") or 0),
            file=str(Path(row["filename"]).relative_to(folder)),
            line=row["line_number"],
            tool="Bandit",
        )
        for row in rows
    ]


def ruff(program: str, folder: Path) -> list[Finding]:
    words = [program, "check", "--isolated", "--select", "S", "--preview", "--output-format", "sarif", "."]
    done = subprocess.run(words, capture_output=True, check=False, cwd=folder)  # noqa: S603 - given by the caller
    prefix = str(folder).lstrip("/") + "/"
    return [msgspec.structs.replace(each, file=each.file.removeprefix(prefix), tool="ruff") for each in sarif_in.read(done.stdout).findings]


def observed(labelled: code_apps.Labelled, findings: list[Finding]) -> list[tuple[str, str, bool]]:
    rows = []
    for finding in findings:
        if not finding.file.startswith(labelled.app.under):
            continue
        fitting = [label.kind for label in labelled.labels if label.fits(finding)]
        if any(kind != "may" for kind in fitting):
            rows.append((finding.tool, finding.rule, True))
        elif not fitting:
            rows.append((finding.tool, finding.rule, False))
    return rows


def main(folder: Path, bandit_program: str, ruff_program: str) -> None:
    rows: list[tuple[str, str, bool]] = []
    made: dict[str, str] = {}
    for labelled in code_apps.shipped():
        tree = code_apps.find(folder, labelled.app)
        if labelled.app.app not in LICENCES or tree is None:
            continue
        findings = list(whole.scan(Opened(tree=tree), ("python", "languages")).findings)
        if labelled.app.language == "python":
            with tempfile.TemporaryDirectory() as at:
                laid_out(tree, Path(at))
                findings += bandit(bandit_program, Path(at)) + ruff(ruff_program, Path(at))
        own = observed(labelled, findings)
        rows += own
        made[labelled.app.app] = f"{labelled.app.repo}@{labelled.app.commit}, {LICENCES[labelled.app.app]}, {len(own)} observations"
    text = "\n".join("\t".join(map(str, row)) for row in sorted(rows))
    made |= {
        "sha256 of the observations": hashlib.sha256(text.encode()).hexdigest(),
        "command": "python scripts/build_code_priors.py DIR BANDIT RUFF",
        "bandit": subprocess.run([bandit_program, "--version"], capture_output=True, check=True).stdout.decode().split()[1],  # noqa: S603
        "ruff": subprocess.run([ruff_program, "--version"], capture_output=True, check=True).stdout.decode().split()[1],  # noqa: S603
    }
    TARGET.write_bytes(msgspec.json.format(msgspec.json.encode(prior.counted(rows, made)), indent=1) + b"\n")
    sys.stdout.write(f"{len(rows)} observations of {len(set(rows))} kinds in {TARGET}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
