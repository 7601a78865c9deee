"""From a page's value to bytes: HTML through one escaping environment, JSON through the encoder, both from the same struct."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any
from urllib.parse import quote

import jinja2
import msgspec

from bartizan.console.assets import assets
from bartizan.console.filters import link
from bartizan.console.visible import ascii_json, marked, plain


def as_json(body: object) -> bytes:
    """Encode a page's body for people and programs: indented, and with nothing unseen in it."""
    return ascii_json(msgspec.json.format(msgspec.json.encode(body, enc_hook=_hook), indent=2)) + b"\n"


def as_html(template: str, context: dict[str, Any]) -> str:
    """Render a template; every expression in it passes the escaping sink."""
    return environment().get_template(template).render(context)


@cache
def environment() -> jinja2.Environment:
    """Return the one environment: autoescape on, unknown names are errors, every expression made visible."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bartizan.console"),
        autoescape=True,
        finalize=plain,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        marked=marked,
        lines=_lines,
        time=_time,
        clock=_clock,
        iso=_iso,
        short=_short,
        ms=_ms,
        number=_number,
        age=_age,
        html=_html,
        path=_path,
    )
    environment.globals.update(asset=lambda name: assets()[name].url, link=link)
    return environment


def _hook(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a page holds no {type(value).__name__}")


def _lines(value: str) -> str:
    return marked(value, lines=True)


def _when(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)


def _time(at: float) -> str:
    return _when(at).strftime("%Y-%m-%d %H:%M:%S")


def _clock(at: float) -> str:
    return _when(at).strftime("%H:%M")


def _iso(at: float) -> str:
    return _when(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _short(name: str) -> str:
    """Shorten a pseudonym for a cell: its kind is known from the column, and eight hex digits tell apart what one page shows."""
    prefix, _, digits = name.rpartition("_")
    return digits[-10:] if prefix and len(digits) == 32 else name


def _ms(value: float | None) -> str:
    if value is None or value <= 0:
        return "-"
    if value < 10:
        return f"{value:.1f} ms"
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.1f} s"


def _number(value: int) -> str:
    return f"{value:,}"


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _html(address: str) -> str:
    """Return the page's address for that of its JSON."""
    return address.replace(".json", "", 1)


def _path(name: str) -> str:
    return quote(name, safe="")
