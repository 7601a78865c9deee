"""Findings for people and for other systems: Markdown and HTML. Everything that comes from the source is escaped where it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import jinja2

from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.fusion import Dropped, Ranked
from bartizan.workbench.code.threatmodel.weights import stride
from bartizan.workbench.code.threatmodel.write import code


def markdown(kept: Sequence[Ranked], dropped: Iterable[Dropped] = (), *, title: str = "Findings") -> str:
    """Return findings in their order, each with its way through the source, and the count of what was dropped by reason."""
    lines = [f"# {title}", "", f"{len(kept)} findings."]
    counts: dict[str, int] = {}
    for each in dropped:
        counts[each.why] = counts.get(each.why, 0) + 1
    if counts:
        lines += ["", "Dropped: " + ", ".join(f"{count} {why}" for why, count in sorted(counts.items())) + "."]
    for number, ranked in enumerate(kept, 1):
        finding = ranked.finding
        lines += ["", f"## {number}. {code(finding.rule)} {code(f'{finding.file}:{finding.line}')}", "", code(finding.message), ""]
        weakness = f"CWE-{finding.cwe}" if finding.cwe else "no weakness named"
        kinds = ", ".join(stride(finding)) or "unclassed"
        facts = f"{finding.severity}, p {finding.p:.2f}, exposure {ranked.exposure:.2f}, {weakness}, {kinds}"
        lines.append(f"{facts}; by {', '.join(code(tool) for tool in ranked.tools)}.")
        if len(finding.flow) > 1:
            lines += [""] + [f"1. {code(f'{step.file}:{step.line}')} {code(step.why)} {code(step.text)}" for step in finding.flow]
        lines += [f"- {code(each)}" for each in finding.evidence]
    return "\n".join(lines) + "\n"


def html(kept: Sequence[Ranked], dropped: Sequence[Dropped] = (), *, title: str = "Findings") -> str:
    """Return one page without scripts and without anything from elsewhere."""
    rows = [{"ranked": ranked, "finding": ranked.finding, "stride": stride(ranked.finding)} for ranked in kept]
    return str(_page().render(title=title, rows=rows, dropped=dropped))


@cache
def _page() -> Any:  # noqa: ANN401 - jinja2's template
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_PAGE)


def ranked(findings: Iterable[Finding]) -> tuple[Ranked, ...]:
    """Return findings as they are, for an export without triage."""
    return tuple(Ranked(finding=each, score=each.p, exposure=1.0, tools=(each.tool,)) for each in findings)


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 0 0 .3rem; }
article { border: 1px solid #d5dbe3; border-left: 6px solid #8a96a8; border-radius: 6px; }
article { padding: .8rem 1rem; margin: 1rem 0; }
.critical { border-left-color: #8c1d18; } .high { border-left-color: #c4481c; } .medium { border-left-color: #b58105; }
.facts { color: #4a5768; } code, pre { font: 13px/1.45 ui-monospace, monospace; }
ol { padding-left: 1.4rem; }
pre { margin: .1rem 0 .4rem; white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f6f9; padding: .2rem .5rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #d5dbe3; padding: .25rem .5rem; text-align: left; overflow-wrap: anywhere; }
</style>
<h1>{{ title }}</h1>
<p>{{ rows|length }} findings, {{ dropped|length }} dropped.</p>
{% for row in rows %}
<article class="{{ row.finding.severity }}">
<h2>{{ loop.index }}. {{ row.finding.message }}</h2>
<p class="facts"><code>{{ row.finding.file }}:{{ row.finding.line }}</code> · {{ row.finding.rule }} · {{ row.finding.severity }}
 · p {{ "%.2f"|format(row.finding.p) }} · exposure {{ "%.2f"|format(row.ranked.exposure) }}
{% if row.finding.cwe %} · CWE-{{ row.finding.cwe }}{% endif %}
{% if row.stride %} · {{ row.stride|join(", ") }}{% endif %} · {{ row.ranked.tools|join(", ") }}</p>
{% if row.finding.flow %}
<ol>
{% for step in row.finding.flow %}
<li><code>{{ step.file }}:{{ step.line }}</code> {{ step.why }}{% if step.text %}<pre>{{ step.text }}</pre>{% endif %}</li>
{% endfor %}
</ol>
{% endif %}
{% for each in row.finding.evidence %}
<p class="facts">{{ each }}</p>
{% endfor %}
</article>
{% endfor %}
{% if dropped %}
<h2>Dropped</h2>
<table><tr><th>why</th><th>reason</th><th>finding</th><th>where</th></tr>
{% for each in dropped %}
<tr><td>{{ each.why }}</td><td>{{ each.reason }}</td><td>{{ each.finding.rule }}</td>
<td><code>{{ each.finding.file }}:{{ each.finding.line }}</code></td></tr>
{% endfor %}
</table>
{% endif %}
</html>
"""
