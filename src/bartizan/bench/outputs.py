"""``bartizan bench outputs``: the heads over answers on samples of another hand than training's, at 1 % false positives, with intervals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bartizan.guard.evidence import Rate
from bartizan.guard.outputs.heads import OutputHeads
from bartizan.guard.outputs.rows import benign_rows
from bartizan.guard.outputs.samples import table

_BUDGET = 0.01


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One head on one set. Recall at the threshold that 1 % of these benign rows exceed, and at the shipped threshold."""

    positives: int
    benign: int
    auc: float
    recall_at_1_percent: str
    recall_shipped: str
    false_positives_shipped: str
    cpu_ms: float
    """A text, mean."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``held_out`` is the recall at the shipped budget over families that the fold had not seen, as training measured it."""

    written: dict[str, Result]
    outside: dict[str, Result]
    held_out: dict[str, float]


def measure(*, benign: Sequence[Path] = (), lures: Path | None = None, mails: Path | None = None) -> Report:
    """Score what was written by hand, alone and against benign files from outside; and lures from outside against mails from outside."""
    heads = OutputHeads.load()
    data = table("written.toml")
    code, letters = data["administration_code"], data["legitimate_text"]
    scripts = [row.text for row in benign_rows(benign)] if benign else []
    outside: dict[str, Result] = {}
    if scripts:
        outside["malicious_code written, against scripts from outside"] = _result(
            heads, "malicious_code", data["malicious_code"], code + scripts
        )
    if lures is not None and mails is not None:
        texts = [[row.text for row in benign_rows([path])] for path in (lures, mails)]
        outside["phishing_text from outside, against mails from outside"] = _result(heads, "phishing_text", texts[0], texts[1])
        outside["phishing_text written, against mails from outside"] = _result(
            heads, "phishing_text", data["phishing_text"], letters + texts[1]
        )
    provenance = heads.manifest.provenance
    return Report(
        written={
            "malicious_code": _result(heads, "malicious_code", data["malicious_code"], code),
            "phishing_text": _result(heads, "phishing_text", data["phishing_text"], letters),
        },
        outside=outside,
        held_out={name: msgspec.json.decode(provenance[name])["held_out_recall_at_budget"] for name in heads.manifest.heads},
    )


def _result(heads: OutputHeads, head: str, positives: Sequence[str], benign: Sequence[str]) -> Result:
    begun = time.process_time()
    yes, no = ([heads.score(text)[head].probability for text in texts] for texts in (positives, benign))
    spent = time.process_time() - begun
    limit = sorted(no)[len(no) - 1 - int(_BUDGET * len(no))]
    shipped = heads.manifest.heads[head].threshold
    won = sum((one > other) + (one == other) / 2 for one in yes for other in no)
    return Result(
        positives=len(yes),
        benign=len(no),
        auc=round(won / (len(yes) * len(no)), 3),
        recall_at_1_percent=Rate(stopped=sum(one > limit for one in yes), of=len(yes)).words(),
        recall_shipped=Rate(stopped=sum(one >= shipped for one in yes), of=len(yes)).words(),
        false_positives_shipped=Rate(stopped=sum(one >= shipped for one in no), of=len(no)).words(),
        cpu_ms=round(spent / (len(yes) + len(no)) * 1000, 2),
    )
