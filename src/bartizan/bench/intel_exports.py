"""Exports against the validators of their own formats, and indicators there and back again."""

from __future__ import annotations

import datetime as dt
import random
from importlib import import_module
from typing import Any

import msgspec

from bartizan.bench.intel_corpus import report
from bartizan.errors import ConfigError
from bartizan.workbench.intel.analyse import analyse
from bartizan.workbench.intel.export import FORMATS, Audience, export, hunts
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.parse import parse


class Exports(msgspec.Struct, frozen=True, kw_only=True):
    """``lost`` counts indicators that did not come back through a format; ``invalid`` what a validator refused."""

    reports: int
    indicators: int
    stix_objects: int
    invalid: int
    lost_stix: int
    lost_misp: int
    drafts: int
    refused_drafts: int
    formats: tuple[str, ...]


def exports(*, reports: int = 30, seed: int = 1) -> Exports:
    """Export made-up reports in every format, validate, and read the exports back."""
    chance = random.Random(seed)
    found: list[Report] = []
    for number in range(reports):
        made = report(chance)
        text = "\n\n".join([made.title, *made.paragraphs, "Indicators of compromise", *_indicators(chance)])
        found += [analyse(each) for each in parse(text.encode(), f"{number}.txt").documents]
    audience = Audience(tlp="red", at=dt.datetime.now(dt.UTC))
    files = {form: export(found, form, audience) for form in FORMATS}
    values = {(item.kind, item.value) for each in found for item in each.analysis.indicators}
    drafts = hunts(found)
    objects, invalid = _stix_errors(files["stix"])
    return Exports(
        reports=len(found),
        indicators=len(values),
        stix_objects=objects,
        invalid=invalid,
        lost_stix=len(values - _back(files["stix"])),
        lost_misp=len(values - _back(files["misp"])),
        drafts=len(drafts.drafts),
        refused_drafts=len(drafts.refused),
        formats=tuple(files),
    )


def _back(data: bytes) -> set[tuple[str, str]]:
    return {(item.kind, item.value) for each in parse(data, "back.json").documents for item in analyse(each).analysis.indicators}


def _stix_errors(data: bytes) -> tuple[int, int]:
    stix, patterns = _module("stix2"), _module("stix2patterns.validator")
    bundle = stix.parse(data.decode(), allow_custom=False)
    bad = sum(bool(patterns.run_validator(each.pattern, stix_version="2.1")) for each in bundle.objects if each.type == "indicator")
    return len(bundle.objects), bad


def _indicators(chance: random.Random) -> list[str]:
    return [
        chance.randbytes(16).hex(),
        chance.randbytes(32).hex(),
        f"hxxps://{chance.randbytes(4).hex()}[.]com/a?x='q'&y=\\1",
        f"{chance.randrange(11, 99)}.{chance.randrange(256)}.{chance.randrange(256)}[.]{chance.randrange(1, 255)}",
        f"HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\{chance.randbytes(3).hex()}",
        f"C:\\Users\\Public\\{chance.randbytes(3).hex()}.exe",
    ]


def _module(name: str) -> Any:  # noqa: ANN401 - a library without stubs
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(f"validating exports needs {name}", hint="pip install 'bartizan[intel]'") from error
