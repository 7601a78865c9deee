"""How what was found in reports reads in a terminal and in files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bartizan.cli.terminal import safe
from bartizan.workbench.intel import Brief, Citation, Report, Statement
from bartizan.workbench.intel.ask import Hit
from bartizan.workbench.intel.export.hunt import Hunts


def lines(rows: Iterable[Any], out: Path) -> None:
    """Write rows as JSON lines to a file, or to stdout for ``-``."""
    data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    if str(out) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        out.write_bytes(data)


def brief(made: Brief, reports: Sequence[Report], *, limit: int) -> str:
    """Return a brief for a person."""
    out = [f"{made.documents} reports, TLP:{made.tlp.upper()}, priority {made.priority.level}", ""]
    out += [f"  why: {safe(reason.what)}  [{_name(reason.doc)} p.{reason.quote.page}]" for reason in made.priority.reasons[:limit]]
    out += [f"  do:  {safe(action)}" for action in made.priority.actions]
    for section, title in (("summary", "Summary"), ("entity", "Names"), ("vulnerability", "Vulnerabilities"), ("technique", "Behaviour")):
        out += _section(title, [statement for statement in made.statements if statement.section == section][:limit])
    if made.techniques:
        out += ["", "ATT&CK"]
        out += [f"  {row.id:<10} {safe(row.name)}  p={row.p:.2f}  in {row.reports} reports" for row in made.techniques[: 2 * limit]]
    for campaign in made.campaigns[:limit]:
        out += ["", f"Campaign {safe(campaign.name)}: {len(campaign.documents)} reports share {safe(', '.join(campaign.shared[:6]))}"]
    for each in made.contradictions[:limit]:
        out += ["", f"Reports differ on {safe(each.about)}: {safe(', '.join(side.says for side in each.sides))}"]
    if made.duplicates:
        out += ["", f"{len(made.duplicates)} reports repeat another one and were left out"]
    if made.hostile:
        out += ["", "Hostile or odd"]
        out += [
            f"  {_name(each.doc)} p.{each.flag.page}: {each.flag.kind}: {safe(each.flag.detail)}: {safe(each.flag.text[:120])}"
            for each in made.hostile[:limit]
        ]
    out += ["", "Not known", *(f"  {safe(line)}" for line in made.unknown)]
    names = {report.document.id for report in reports}
    return "\n".join([*out, "", f"{len(made.statements)} statements in all over {len(names)} documents; --json FILE writes every one", ""])


def _section(title: str, statements: Sequence[Statement]) -> list[str]:
    if not statements:
        return []
    return ["", title, *(f"  {safe(each.statement)}\n    {_places(each.citations)}" for each in statements)]


def _places(citations: Sequence[Citation]) -> str:
    return "; ".join(f"{_name(each.doc)} p.{each.page} [{each.start}:{each.end}]" for each in citations)


def _name(path: str) -> str:
    return safe(path.rpartition("/")[2] or path)


def hits(found: Sequence[Hit]) -> str:
    """Return quotes for a person."""
    if not found:
        return "nothing found\n"
    return "\n".join(f"{safe(hit.statement)}\n    {_places([hit.citation])}" for hit in found) + "\n"


def hunts(found: Hunts) -> str:
    """Return hunts and drafts for a person."""
    out = [
        f"{safe(each.title)}\n    look for {safe(each.look)}\n    because: {safe(each.quote[:300])} [{_name(each.report)} p.{each.page}]"
        for each in found.hunts
    ]
    out += [f"\n# {safe(draft.title)} ({draft.language} draft)\n{safe(draft.text)}" for draft in found.drafts]
    out += [f"left out, since its parser refuses it: {safe(each)}" for each in found.refused]
    return "\n".join(out or ["nothing to hunt for"]) + "\n"


def drafts(found: Hunts, folder: Path) -> None:
    """Write every draft to a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, draft in enumerate(found.drafts, 1):
        (folder / f"draft-{number:02}.{'yml' if draft.language == 'sigma' else 'yar'}").write_text(draft.text, encoding="utf-8")
