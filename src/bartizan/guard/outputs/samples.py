"""Inert samples for the output heads: programs and mails put together from data, every operation of a program a call of a stub.

A sample names its family (what it does) and its style (how it is written), so that both can be held out. Same seed, same samples.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import Any, Final

import msgspec

STYLES: Final = ("functions", "script", "class", "answer")
LANGUAGES: Final = ("python", "bash", "powershell", "javascript", "go", "vbs")


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One made-up output. ``positive``: malicious code, or a lure."""

    head: str
    text: str
    positive: bool
    family: str
    style: str


def table(name: str) -> dict[str, Any]:
    """Return a data file of the samples."""
    return tomllib.loads(files("bartizan.guard.outputs").joinpath("data", name).read_text(encoding="utf-8"))


def programs(*, each: int, seed: int) -> Iterator[Sample]:
    """Yield programs, ``each`` for every behaviour, style and language."""
    data = table("code.toml")
    chance = random.Random(seed)  # noqa: S311 - repeatable samples
    for kind in ("malicious", "benign"):
        for family in data[kind]:
            for style in STYLES:
                for language in LANGUAGES:
                    for _ in range(each):
                        text = _program(family, style, language, chance)
                        yield Sample(head="malicious_code", text=text, positive=kind == "malicious", family=family["id"], style=style)


def mails(*, count: int, seed: int) -> Iterator[Sample]:
    """Yield lures and ordinary mails, ``count`` of each."""
    data = table("mail.toml")
    chance = random.Random(seed)  # noqa: S311 - repeatable samples
    for _ in range(count):
        yield _lure(data, chance)
        yield _mail(data, chance)


def _program(family: dict[str, Any], style: str, language: str, chance: random.Random) -> str:
    names = chance.sample(family["names"], k=min(len(family["names"]), chance.randint(3, 6)))
    notes = chance.sample(family["notes"], k=chance.randint(0, min(3, len(family["notes"]))))
    strings = chance.sample(family["strings"], k=chance.randint(1, min(4, len(family["strings"]))))
    write = _WRITERS[language]
    code = "\n".join(write(names, notes, strings, style))
    if style != "answer":
        return code
    lead = chance.choice(
        ("Here is the script you asked for:", "Sure. The following does it:", "You can use this:", "Save it as a file and run it:")
    )
    steps = "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))
    return f"{lead}\n\n```{language}\n{code}\n```\n\n{steps}".strip()


def _snake(name: str) -> str:
    return name.replace(" ", "_")


def _camel(name: str, *, upper: bool = False) -> str:
    first, *rest = name.split()
    return (first.capitalize() if upper else first) + "".join(word.capitalize() for word in rest)


def _python(names: Sequence[str], notes: Sequence[str], strings: Sequence[str], style: str) -> Iterator[str]:
    yield "import os, sys, time"
    yield from (f"{_snake(names[number % len(names)]).upper()}_{number} = {text!r}" for number, text in enumerate(strings))
    pad = "    " if style == "class" else ""
    if style == "class":
        yield f"class {_camel(names[0], upper=True)}:"
    for number, name in enumerate(names):
        if number < len(notes):
            yield f"{pad}# {notes[number]}"
        if style == "script":
            yield f"stub({name!r}, {strings[number % len(strings)]!r})"
        else:
            yield f"{pad}def {_snake(name)}({'self, ' if pad else ''}target):"
            yield f"{pad}    return stub({strings[number % len(strings)]!r}, target)"
    if style != "script":
        yield "if __name__ == '__main__':"
        yield from (f"    {_snake(name)}(sys.argv[1])" for name in names[:3])


def _bash(names: Sequence[str], notes: Sequence[str], strings: Sequence[str], style: str) -> Iterator[str]:
    yield "#!/bin/bash"
    yield from (f'{_snake(names[number % len(names)]).upper()}="{text}"' for number, text in enumerate(strings))
    for number, name in enumerate(names):
        if number < len(notes):
            yield f"# {notes[number]}"
        call = f'stub {_snake(name)} "{strings[number % len(strings)]}"'
        yield call if style == "script" else f"{_snake(name)}() {{\n  {call}\n}}"
    if style != "script":
        yield 'for item in "$@"; do'
        yield from (f'  {_snake(name)} "$item"' for name in names[:3])
        yield "done"


def _powershell(names: Sequence[str], notes: Sequence[str], strings: Sequence[str], style: str) -> Iterator[str]:
    yield "param([string]$Target)"
    yield from (f'${_camel(names[number % len(names)])} = "{text}"' for number, text in enumerate(strings))
    for number, name in enumerate(names):
        if number < len(notes):
            yield f"# {notes[number]}"
        call = f'Invoke-Stub -Name "{name}" -Value "{strings[number % len(strings)]}"'
        yield call if style == "script" else f"function {_camel(name, upper=True)} {{\n    {call}\n}}"
    if style != "script":
        yield from (_camel(name, upper=True) for name in names[:3])


def _javascript(names: Sequence[str], notes: Sequence[str], strings: Sequence[str], style: str) -> Iterator[str]:
    yield "const fs = require('fs');"
    yield from (
        f"const {_camel(names[number % len(names)])}Value = {msgspec.json.encode(text).decode()};" for number, text in enumerate(strings)
    )
    for number, name in enumerate(names):
        if number < len(notes):
            yield f"// {notes[number]}"
        call = f"stub('{name}', {msgspec.json.encode(strings[number % len(strings)]).decode()});"
        yield call if style == "script" else f"async function {_camel(name)}(target) {{\n  await {call}\n}}"
    if style != "script":
        yield from (f"{_camel(name)}(process.argv[2]);" for name in names[:3])


def _go(names: Sequence[str], notes: Sequence[str], strings: Sequence[str], style: str) -> Iterator[str]:
    del style
    yield "package main"
    yield from (
        f"const {_camel(names[number % len(names)])}Value = {msgspec.json.encode(text).decode()}" for number, text in enumerate(strings)
    )
    for number, name in enumerate(names):
        if number < len(notes):
            yield f"// {notes[number]}"
        yield f"func {_camel(name)}(target string) error {{"
        yield f"\treturn stub({msgspec.json.encode(strings[number % len(strings)]).decode()}, target)"
        yield "}"
    yield "func main() {"
    yield from (f"\t{_camel(name)}(os.Args[1])" for name in names[:3])
    yield "}"


def _vbs(names: Sequence[str], notes: Sequence[str], strings: Sequence[str], style: str) -> Iterator[str]:
    yield "Option Explicit"
    for number, name in enumerate(names):
        if number < len(notes):
            yield f"' {notes[number]}"
        call = f'  Stub "{name}", "{strings[number % len(strings)]}"'
        yield call if style == "script" else f"Sub {_camel(name, upper=True)}()\n{call}\nEnd Sub"
    if style != "script":
        yield from (f"Call {_camel(name, upper=True)}" for name in names[:3])


_Writer = Callable[[Sequence[str], Sequence[str], Sequence[str], str], Iterator[str]]
_WRITERS: Final[dict[str, _Writer]] = {
    "python": _python,
    "bash": _bash,
    "powershell": _powershell,
    "javascript": _javascript,
    "go": _go,
    "vbs": _vbs,
}


def _filled(text: str, data: dict[str, Any], chance: random.Random) -> str:
    amount = f"{chance.randint(2, 98)},{chance.randint(0, 9)}00"
    words = {"project": chance.choice(data["projects"]), "firm": chance.choice(data["firms"]), "person": chance.choice(data["people"])}
    return text.format(**words, amount=amount)


def _lure(data: dict[str, Any], chance: random.Random) -> Sample:
    part = data["phishing"]
    ask = chance.randrange(len(part["asks"]))
    lines = [chance.choice(part["openings"]), part["asks"][ask]]
    if chance.random() < 0.75:
        lines.insert(chance.randint(1, 2), chance.choice(part["pressures"]))
    if chance.random() < 0.3:
        lines.insert(1, chance.choice(data["legitimate"]["bodies"]))
    return _letter(data, lines, chance.choice(part["closings"]), chance, positive=True, family=f"ask-{ask}")


def _mail(data: dict[str, Any], chance: random.Random) -> Sample:
    part = data["legitimate"]
    opening = chance.randrange(len(part["openings"]))
    lines = [part["openings"][opening], *chance.sample(part["bodies"], k=chance.randint(1, 3))]
    return _letter(data, lines, chance.choice(part["closings"]), chance, positive=False, family=f"opening-{opening}")


def _letter(data: dict[str, Any], lines: Sequence[str], closing: str, chance: random.Random, *, positive: bool, family: str) -> Sample:
    style = chance.choice(("plain", "subject", "answer"))
    name, sender = chance.choice(data["people"]), chance.choice(data["people"])
    greeting = chance.choice((f"Dear {name},", f"Hi {name},", f"Hello {name},", "Dear colleague,"))
    body = _filled("\n\n".join(lines) if chance.random() < 0.5 else " ".join(lines), data, chance)
    text = f"{greeting}\n\n{body}\n\n{closing}\n{sender}"
    if style != "plain":
        text = f"Subject: {chance.choice(('', 'Re: ', 'Fwd: '))}{_filled('{project}', data, chance)}\n\n{text}"
    if style == "answer":
        text = f"{chance.choice(('Here is a draft:', 'Sure, here is the mail:', 'You could write:'))}\n\n{text}"
    return Sample(head="phishing_text", text=text, positive=positive, family=family, style=style)
