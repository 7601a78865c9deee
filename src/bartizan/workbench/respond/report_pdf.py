"""The report as PDF, by fpdf2 with the fonts that every reader has; characters that those lack are written as escapes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from bartizan.errors import ConfigError


def pdf(report: Any, sections: Sequence[tuple[str, list[str]]]) -> bytes:  # noqa: ANN401 - Report, which imports this
    """Return a PDF; raises ConfigError without the extra ``alerts``. The same report gives the same bytes."""
    try:
        from fpdf import FPDF  # noqa: PLC0415 - an extra
        from fpdf.enums import WrapMode  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            "a report as PDF needs the extra `alerts`", hint="pip install 'bartizan[alerts]', or choose .md or .html"
        ) from error
    page = FPDF(format="A4")
    page.set_creation_date(dt.datetime.fromtimestamp(max((entry.at for entry in report.timeline), default=0.0), dt.UTC))
    page.set_title(_plain(f"Incident {report.incident}"))
    page.set_auto_page_break(auto=True, margin=18)
    page.add_page()
    page.set_font("Helvetica", style="B", size=15)
    page.multi_cell(0, 8, _plain(f"Incident {report.incident}: {report.title}"), new_x="LMARGIN", new_y="NEXT")
    for heading, lines in sections:
        page.ln(4)
        page.set_font("Helvetica", style="B", size=12)
        page.multi_cell(0, 7, heading, new_x="LMARGIN", new_y="NEXT")
        page.set_font("Helvetica", size=10)
        for line in lines:
            page.multi_cell(0, 5.2, _plain(line), new_x="LMARGIN", new_y="NEXT", wrapmode=WrapMode.CHAR)
    return bytes(page.output())


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() and ord(each) < 256 else f"\\u{ord(each):04x}" for each in text)
