"""Make labelled rows out of the grammars: the same seed gives the same rows. Sources are named ``generated/...``, a family each."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final

from bartizan.guard.learned.windows import windows
from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import GENERATED
from bartizan.guard.training.grammar import Grammar, table
from bartizan.guard.training.noise import garbage, styled

_SEED: Final = 20261122
_COUNTS: Final[Mapping[str, int]] = {
    "cyber": 9000,
    "agent": 500,
    "phishing": 4500,
    "injection": 6000,
    "suffix": 900,
    "roleplay": 1200,
    "data": 9000,
    "language": 6500,
}


def generated(scale: float = 1.0) -> list[Row]:
    """Return every generated row once, in a fixed order; ``scale`` makes fewer."""
    rows: dict[tuple[str, str], Row] = {}
    for name, make in _MAKERS.items():
        chance = Random(f"{_SEED}/{name}")  # noqa: S311 - repeatable, not secret
        for _ in range(int(_COUNTS[name] * scale)):
            row = make(chance)
            rows.setdefault((row.text, row.origin), row)
    return list(rows.values())


def _row(name: str, text: str, label: str, *, origin: str = "user", category: str = "", pair: str = "") -> Row:
    return Row(text=text, label=label, source=f"{GENERATED}/{name}", origin=origin, category=category, pair=pair)


def _cyber(chance: Random) -> Row:
    category, do, name, honest = chance.choice(_TECHNIQUES)
    _, do_two, name_two, honest_two = chance.choice(_TECHNIQUES)
    bound = {"do": do, "name_of": name, "honest": honest, "honest_cap": honest[0].upper() + honest[1:]}
    bound |= {"do_two": do_two, "name_two": name_two, "honest_two": honest_two}
    kind = chance.choices(("offend", "defend", "honest"), (5, 3, 2))[0]
    template = _CYBER.pick(f"{kind}_more" if chance.random() < 0.3 else kind, chance)
    text = _CYBER.fill(template, chance, bound)
    if chance.random() < 0.4:
        text = f"{_CYBER.expand('wrapper', chance, bound)} {text}"
    if chance.random() < 0.35:
        text = f"{text} {_CYBER.expand('detail', chance, bound)}"
    if chance.random() < 0.12:
        text += _CYBER.expand("carrier", chance, bound)
    for_others = "{victim}" in template or "{gain}" in template or "malware that" in template
    level = "prohibited" if for_others or (category in {"malware", "impact"} and chance.random() < 0.5) else "high"
    label = "cyber_misuse" if kind == "offend" else "benign"
    return _row("cyber", styled(text, chance), label, category=f"{category}:{level if kind == 'offend' else 'benign'}", pair=name)


def _agent(chance: Random) -> Row:
    kind = chance.choice(("agent_offend", "agent_benign"))
    text = _CYBER.expand(kind, chance)
    label = "cyber_misuse" if kind == "agent_offend" else "benign"
    return _row("agent", styled(text, chance), label, category="exploitation:high" if label == "cyber_misuse" else "")


def _phishing(chance: Random) -> Row:
    kind = chance.choices(("attack", "awareness", "honest"), (5, 3, 2))[0]
    text = _PHISHING.expand(kind, chance)
    label = "cyber_misuse" if kind == "attack" else "benign"
    category = {"attack": "social_engineering:prohibited", "awareness": "social_engineering:benign", "honest": ""}[kind]
    return _row("phishing", styled(text, chance), label, category=category)


def _injection(chance: Random) -> Row:
    kind = chance.choices(("attack", "benign"), (3, 2))[0]
    bound = _spellings(chance) if kind == "attack" else {}
    text = _INJECTION.expand("attack_more" if kind == "attack" and chance.random() < 0.35 else kind, chance, bound)
    return _row("injection", styled(text, chance), "injection" if kind == "attack" else "benign")


def _spellings(chance: Random) -> dict[str, str]:
    harm = _INJECTION.expand("harm", chance)
    words = harm.split()
    return {
        "spelled": ", ".join(words[:8]),
        "b64": base64.b64encode(f"Tell me {harm}".encode()).decode(),
        "reversed": f"tell me {harm}"[::-1],
        "rot": codecs.encode(f"tell me {harm}", "rot13"),
        "leet": harm.translate(str.maketrans("aeiost", "431057")),
        "spaced": " ".join(f"ignore all rules and explain {harm}"),
    }


def _suffix(chance: Random) -> Row:
    if chance.random() < 0.75:
        return _row("suffix", f"{_INJECTION.expand('suffix_goal', chance)} {garbage(chance)}", "injection")
    return _row("suffix", styled(_INJECTION.expand("benign", chance), chance), "benign")


def _roleplay(chance: Random) -> Row:
    text = _ROLEPLAY.expand("benign", chance)
    if chance.random() < 0.7:
        return _row("roleplay", styled(text, chance), "benign")
    return _row(
        "roleplay", styled(f"{text} {_INJECTION.expand('format', chance)} {_INJECTION.expand('tell', chance)}", chance), "injection"
    )


def _data(chance: Random) -> Row:
    origin = chance.choice(("tool", "document"))
    if chance.random() < 0.5:
        kind, label = "instruction", "injection"
    else:
        kind, label = chance.choice(("human", "fact")), "benign"
    said = _DATA.expand(kind, chance)
    text = _DATA.expand("carrier", chance, {"X": said})
    return _row("data", _window(text, text.find(said), chance) if chance.random() < _CUT else text, label, origin=origin)


def _window(text: str, at: int, chance: Random) -> str:
    """Return a window of a text as the heads cut it: one that holds most of what follows ``at``, so that it is what its label says."""
    found = [window for window in windows(text, fine=True) if window.start <= max(at, 0) < window.end]
    window = chance.choice(found[-2:])
    return text[window.start : window.end]


def _language(chance: Random) -> Row:
    name = chance.choice(sorted(_LANGUAGES))
    parts = _LANGUAGES[name]
    kind = chance.choices(("injection", "misuse", "defence", "plain"), (4, 3, 3, 3))[0]
    if kind != "injection":
        text = _request(name, kind, chance) if kind in _DEEDS and chance.random() < _ASKED else chance.choice(parts[kind])
        if chance.random() < 0.4:
            text = f"{text} {chance.choice(parts['plain' if kind != 'defence' else 'defence'])}"
        return _row("language", styled(text, chance), "cyber_misuse" if kind == "misuse" else "benign", category=_OF_LANGUAGE[kind])
    order, aim = chance.choice(parts["override"]), chance.choice(parts["leak"])
    forms = (
        f"{order}. {aim[0].upper()}{aim[1:]}.",
        f"{order}, {aim}",
        f"{chance.choice(parts['plain'])} {order}, {aim}!",
        f"{order}.",
        f"{aim}.",
    )
    text = chance.choices(forms, (4, 4, 3, 2, 1))[0]
    if chance.random() < 0.25:
        text = _DATA.expand("carrier", chance, {"X": text})
        return _row("language", text, "injection", origin=chance.choice(("tool", "document")))
    return _row("language", styled(text, chance), "injection")


def _request(language: str, kind: str, chance: Random) -> str:
    parts = _REQUESTS[language]
    form, what = str(chance.choice(parts["ask"])), str(chance.choice(parts[_DEEDS[kind]]))
    return form.replace("{X}", what)


class _Lists(Grammar):
    def pick(self, name: str, chance: Random) -> str:
        """Return a random item as it is written."""
        return chance.choice(self._lists[name])


_CYBER: Final = _Lists(table("cyber")["lists"])
_PHISHING: Final = Grammar.shipped("phishing")
_INJECTION: Final = Grammar.shipped("injection")
_ROLEPLAY: Final = Grammar.shipped("roleplay")
_DATA: Final = Grammar.shipped("data")
_LANGUAGES: Final = table("languages")
_REQUESTS: Final = table("requests")
_DEEDS: Final[Mapping[str, str]] = {"misuse": "deed", "defence": "care"}
_CUT: Final = 0.6
"""Tool results and documents that are seen as a window of them, which is how long ones are judged."""
_ASKED: Final = 0.75
"""Requests in other languages that are made of a form and a deed; the rest are whole sentences."""
_OF_LANGUAGE: Final = {"misuse": "malware:prohibited", "defence": "malware:benign", "plain": ""}
_TECHNIQUES: Final = [tuple(part.strip() for part in row.split("|")) for row in table("techniques")["rows"]]
_MAKERS: Final[Mapping[str, Callable[[Random], Row]]] = {
    "cyber": _cyber,
    "agent": _agent,
    "phishing": _phishing,
    "injection": _injection,
    "suffix": _suffix,
    "roleplay": _roleplay,
    "data": _data,
    "language": _language,
}


def sources() -> Iterator[str]:
    """Yield the names of the generated sources."""
    return (f"{GENERATED}/{name}" for name in _MAKERS)
