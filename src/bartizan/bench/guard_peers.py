"""Detectors of prompt attacks that install from PyPI and bring what they need; each is asked for its score of one text.

None is a dependency; docs/guard.md has the command that installs them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NamedTuple

Score = Callable[[str], float]


class Peer(NamedTuple):
    """A peer that is here, or why it is not."""

    name: str
    score: Score | None
    reason: str = ""


UNABLE: Final = (
    ("jailguard", "downloads a model of 90 MB at its first use"),
    ("metatronnanoguard", "more than 100 ms a text on this kind of machine: a run over thousands of rows does not end"),
    ("forcefield", "its model needs a locale that minimal systems lack, and fails without"),
    ("llm-guard, bastion-prompt-protection, cyberjev, LlamaFirewall", "weights from a hub at run time"),
)
"""Peers that can't run from what PyPI has, with the reason."""


def _gauntlet() -> Score:
    rules = importlib.import_module("gauntlet.layers.rules").RulesDetector()
    return lambda text: float(rules.detect(text).confidence)


def _guardrail() -> Score:
    detect = importlib.import_module("guardify").detect

    def score(text: str) -> float:
        found = detect(text)
        value = float(found["score"])
        return value if found["label"] == "injection" else 1 - value

    return score


def _aicordon() -> Score:
    picket = importlib.import_module("aicordon.picket.detector").load(mode="dpi")
    return lambda text: float(picket.check(text).flagged)


def _toolwall() -> Score:
    detector = importlib.import_module("toolwall.detect").CompositeDetector(use_judge=False)
    return lambda text: float(detector.score(text)[0])


def _stackone() -> Score:
    classifier = importlib.import_module("stackone_defender.classifiers.onnx_classifier").OnnxClassifier()
    return lambda text: float(classifier.classify(text))


_MAKERS: Final[dict[str, Callable[[], Score]]] = {
    "gauntlet-ai": _gauntlet,
    "prompt-guardrail": _guardrail,
    "aicordon": _aicordon,
    "toolwall-guard": _toolwall,
    "stackone-defender": _stackone,
}


def peers() -> Iterator[Peer]:
    """Yield every known peer, ready or with the reason why not."""
    for name, make in _MAKERS.items():
        try:
            label = f"{name} {version(name)}"
            yield Peer(label, make())
        except PackageNotFoundError:
            yield Peer(name, None, f"not installed: pip install {name}")
        except (ImportError, AttributeError, OSError, RuntimeError, ValueError, TypeError) as error:
            yield Peer(name, None, f"does not load here: {type(error).__name__}: {error}"[:200])
    for name, reason in UNABLE:
        yield Peer(name, None, reason)
