"""Whether what is shown stands where it says, whether planted facts are found again, and how much of withheld findings a brief covers."""

from __future__ import annotations

import gzip
import hashlib
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bartizan.bench.intel_corpus import paged, pdf, report, word
from bartizan.store import ReportRow, SqliteCorpus
from bartizan.workbench.intel.analyse import analyse
from bartizan.workbench.intel.ask import ask
from bartizan.workbench.intel.brief import Brief, brief
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.parse import parse
from bartizan.workbench.intel.salience import terms, word_hash
from bartizan.workbench.intel.sentences import sentences
from bartizan.workbench.intel.shelf import passages

_FACTS = (
    ("The operators paid {a} for the domain registrar account {b} in {y}.", "Who paid for the registrar account {b}?"),
    ("In {m} {y} the group stole {n} gigabytes of design files from the {b} shipyard.", "What was stolen from the {b} shipyard?"),
    ("A loader named {b} was signed with a certificate issued to {a} Logistics.", "Which certificate signed the loader {b}?"),
    ("The ransom note of {b} asked {n} hospitals for payment within {k} days.", "What did the ransom note of {b} ask for?"),
    (
        "Investigators traced the command server to a data centre in {b} run by {a} Hosting.",
        "Where was the command server in {b} traced to?",
    ),
    ("The backdoor {b} beacons every {n} minutes to {a}[.]top over port {k}.", "How often does the backdoor {b} beacon?"),
)
_MONTHS = ("January", "March", "May", "July", "September", "November")
_HEADINGS = ("key findings", "key takeaways", "executive summary", "key points", "summary", "highlights")
_LEAD = 7


class Citations(msgspec.Struct, frozen=True, kw_only=True):
    """Shares are of 1. Coverage is the share of words of the authors' own findings, withheld from the text, that seven sentences hold."""

    statements: int
    verbatim: float
    planted: int
    in_brief: float
    asked: float
    withheld: int
    coverage_brief: float
    coverage_lead: float


def citations(data: Path | None, *, seed: int = 1, reports: int = 40) -> Citations:
    """Plant facts in long reports and look for them; with ``data``, withhold the findings of its texts."""
    chance = random.Random(seed)
    shown = right = planted = in_brief = asked = 0
    for _ in range(reports):
        found, facts = _planted(chance)
        made = brief(found)
        shown, right = shown + len(made.statements), right + sum(map(_stands, _cited(made, found)))
        said = " ".join(each.statement for each in made.statements)
        with tempfile.TemporaryDirectory() as folder:
            corpus = _corpus(Path(folder) / "intel.db", found)
            by_id = {each.document.id: each for each in found}
            for fact, question in facts:
                planted += 1
                in_brief += fact in said
                asked += any(fact in hit.statement for hit in ask(corpus, by_id.get, question).quotes)
            corpus.close()
    pairs = list(_withheld(data)) if data is not None else []
    return Citations(
        statements=shown,
        verbatim=round(right / max(shown, 1), 4),
        planted=planted,
        in_brief=round(in_brief / planted, 3),
        asked=round(asked / planted, 3),
        withheld=len(pairs),
        coverage_brief=round(sum(ours for ours, _ in pairs) / max(len(pairs), 1), 3),
        coverage_lead=round(sum(lead for _, lead in pairs) / max(len(pairs), 1), 3),
    )


def _planted(chance: random.Random) -> tuple[list[Report], list[tuple[str, str]]]:
    """Return one long report with five facts at random places in it, and their questions."""
    made = report(chance, paragraphs=chance.randrange(30, 70))
    paragraphs, facts = list(made.paragraphs), []
    for _ in range(5):
        template, question = chance.choice(_FACTS)
        values = {"a": word(chance).title(), "b": word(chance).title(), "y": chance.randrange(2012, 2026), "m": chance.choice(_MONTHS)}
        values |= {"n": chance.randrange(12, 900), "k": chance.randrange(3, 60)}
        fact = template.format(**values)
        place = chance.randrange(len(paragraphs))
        first, stop, rest = paragraphs[place].partition(". ")
        paragraphs[place] = f"{first}{stop}{fact} {rest}"
        facts.append((fact, question.format(**values)))
    return [analyse(each) for each in parse(pdf(paged(paragraphs)), "long.pdf").documents], facts


def _cited(made: Brief, found: Sequence[Report]) -> Iterator[tuple[str, str, str, int, int]]:
    by_id = {each.document.id: each.document for each in found}
    for each in made.statements:
        for citation in each.citations:
            document = by_id[citation.document]
            begin = document.pages[citation.page - 1]
            yield document.text[citation.start : citation.end], citation.quote, citation.sha256, citation.start - begin, len(document.text)


def _stands(cited: tuple[str, str, str, int, int]) -> bool:
    there, quote, digest, offset, _ = cited
    return there == quote and offset >= 0 and hashlib.sha256(quote.encode()).hexdigest() == digest


def _corpus(path: Path, found: Sequence[Report]) -> SqliteCorpus:
    corpus = SqliteCorpus(path)
    for each in found:
        row = ReportRow(id=each.document.id, seq=0, source="", account="", person="", at=0.0, head=b"", body=b"")
        corpus.add(row, list(passages(each.document)))
    return corpus


def _withheld(data: Path) -> Iterator[tuple[float, float]]:
    """Yield what a brief and the first seven sentences cover of findings that were cut out of a text."""
    for name in ("report_pages.jsonl.gz", "annoctr_text.jsonl.gz"):
        if not (data / name).exists():
            continue
        with gzip.open(data / name, "rb") as file:
            for line in file:
                row = msgspec.json.decode(line)
                text = "\n\n".join(row["pages"]) if "pages" in row else row["text"]
                cut = _cut(text.replace("\r", ""))
                if cut is not None:
                    yield _covered(*cut)


def _cut(text: str) -> tuple[str, str] | None:
    """Return a text without the first section of findings, and that section; None where there is none of a fair size."""
    lines = text.split("\n")
    for place, line in enumerate(lines[:400]):
        if line.strip(" #*:0123456789.\t").casefold() in _HEADINGS:
            section: list[str] = []
            for after in lines[place + 1 : place + 26]:
                if len(" ".join(section)) > 300 and len(after.strip()) < 40 and after.strip() and after.strip()[-1] not in ".,;":
                    break
                section.append(after)
            found, rest = "\n".join(section), "\n".join([*lines[:place], *lines[place + 1 + len(section) :]])
            if 200 <= len(found) <= 4_000 and len(rest) > 4 * len(found) and "...." not in found:
                return rest, found
    return None


def _covered(rest: str, found: str) -> tuple[float, float]:
    reports = [analyse(each) for each in parse(rest.encode(), "rest.txt").documents]
    wanted = {word_hash(each) for each in terms(found)}
    chosen = [each.statement for each in brief(reports, summary=_LEAD).statements if each.section == "summary"][:_LEAD]
    lead = [rest[a:b] for a, b in sentences(rest) if b - a > 40][:_LEAD]
    return tuple(len({word_hash(each) for each in terms(" ".join(shown))} & wanted) / max(len(wanted), 1) for shown in (chosen, lead))  # type: ignore[return-value]  # two of them
