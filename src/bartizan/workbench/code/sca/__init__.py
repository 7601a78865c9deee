"""Dependencies: what is pinned, which advisories speak of it, whether the program reaches it, and the smallest step out.

Takes in a tree and a signed snapshot of advisories in OSV's form; asks no network. Gives out verdicts that each carry the snapshot's
age, lines to change that were checked again, a CycloneDX bill of materials and a VEX.
"""

from bartizan.workbench.code.sca.advisories import Advisory, Manifest, Snapshot, SnapshotError, open_snapshot, sign
from bartizan.workbench.code.sca.fix import Upgrade, upgrades
from bartizan.workbench.code.sca.judge import Report, Verdict, judge
from bartizan.workbench.code.sca.locks import Dependency, dependencies
from bartizan.workbench.code.sca.rank import Urgency, read_epss, read_kev

__all__ = [
    "Advisory",
    "Dependency",
    "Manifest",
    "Report",
    "Snapshot",
    "SnapshotError",
    "Upgrade",
    "Urgency",
    "Verdict",
    "dependencies",
    "judge",
    "open_snapshot",
    "read_epss",
    "read_kev",
    "sign",
    "upgrades",
]
