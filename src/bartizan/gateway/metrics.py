"""Counters for operators, in Prometheus' plain text; no text of anybody's, no names, bounded in number."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Final

from bartizan.gateway.records import Ending

_BOUNDS_MS: Final = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0, 10_000.0)


class Metrics:
    """Counts since start. Labels are dialects, outcomes, layers and codes of ours: closed sets."""

    def __init__(self) -> None:
        self._ended: Counter[tuple[str, str]] = Counter()
        self._blocked: Counter[str] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()
        self._judged: list[int] = [0] * (len(_BOUNDS_MS) + 1)
        self._judged_sum = 0.0
        self._bytes = 0
        self._tokens: Counter[str] = Counter()

    def ended(self, dialect: str, ending: Ending, marks: Mapping[str, float]) -> None:
        """Count an exchange."""
        self._ended[dialect, ending.outcome] += 1
        if ending.outcome == "blocked":
            self._blocked[ending.verdict.layer if ending.verdict is not None else "limit"] += 1
        self._bytes += ending.released
        self._tokens["input"] += ending.tokens.input
        self._tokens["output"] += ending.tokens.output
        judged = marks.get("judged_ms")
        if judged is not None:
            self._judged[bisect_left(_BOUNDS_MS, judged)] += 1
            self._judged_sum += judged

    def refused(self, dialect: str, code: str) -> None:
        """Count a request that never became an exchange."""
        self._refused[dialect, code] += 1

    def text(self, *, running: int, connections: int) -> bytes:
        """Return everything in the text format 0.0.4."""
        lines = ["# TYPE bartizan_exchanges_total counter"]
        lines += [f'bartizan_exchanges_total{{dialect="{a}",outcome="{b}"}} {n}' for (a, b), n in sorted(self._ended.items())]
        lines.append("# TYPE bartizan_blocked_total counter")
        lines += [f'bartizan_blocked_total{{layer="{layer}"}} {n}' for layer, n in sorted(self._blocked.items())]
        lines.append("# TYPE bartizan_refused_total counter")
        lines += [f'bartizan_refused_total{{dialect="{a}",code="{b}"}} {n}' for (a, b), n in sorted(self._refused.items())]
        lines.append("# TYPE bartizan_tokens_total counter")
        lines += [f'bartizan_tokens_total{{direction="{which}"}} {n}' for which, n in sorted(self._tokens.items())]
        lines += ["# TYPE bartizan_released_bytes_total counter", f"bartizan_released_bytes_total {self._bytes}"]
        lines.append("# TYPE bartizan_admitted_to_judged_ms histogram")
        total = 0
        for bound, count in zip((*_BOUNDS_MS, "+Inf"), self._judged, strict=True):
            total += count
            lines.append(f'bartizan_admitted_to_judged_ms_bucket{{le="{bound}"}} {total}')
        lines += [f"bartizan_admitted_to_judged_ms_sum {self._judged_sum:.3f}", f"bartizan_admitted_to_judged_ms_count {total}"]
        lines += ["# TYPE bartizan_running gauge", f"bartizan_running {running}"]
        lines += ["# TYPE bartizan_upstream_connections gauge", f"bartizan_upstream_connections {connections}", ""]
        return "\n".join(lines).encode()
