"""What waits for people and how good the reviewing is, for whoever collects metrics: Prometheus' text format, counts only, no names."""

from __future__ import annotations

from collections import Counter

from bartizan.console.parts import Parts
from bartizan.monitor import metrics, quality


def gauges(parts: Parts, at: float) -> bytes:
    """Return everything in the text format 0.0.4. Kinds of cases and consents are words of ours: closed sets."""
    waiting = parts.casebook.cases(waiting=True)
    consents = Counter(each.action for each in parts.casebook.approvals() if each.state(at) == "open")
    lines = [
        "# HELP bartizan_cases_waiting Cases that wait for a person, by kind.",
        "# TYPE bartizan_cases_waiting gauge",
        *_by("bartizan_cases_waiting", "kind", Counter(each.kind for each in waiting)),
        "# HELP bartizan_cases_late Cases that wait past their time.",
        "# TYPE bartizan_cases_late gauge",
        f"bartizan_cases_late {sum(bool(each.due_at) and at > each.due_at for each in waiting)}",
        "# HELP bartizan_consents_waiting Consents that were asked for and not given yet, by what they are for.",
        "# TYPE bartizan_consents_waiting gauge",
        *_by("bartizan_consents_waiting", "action", consents),
    ]
    return metrics(quality(parts.monitor.queue)) + ("\n".join(lines) + "\n").encode()


def _by(name: str, label: str, counts: Counter[str]) -> list[str]:
    return [f'{name}{{{label}="{each}"}} {counts[each]}' for each in sorted(counts)]
