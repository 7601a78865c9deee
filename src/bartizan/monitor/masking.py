"""Making text fit to be shown to somebody who need not know who is in it. What looks like a name of somebody or something goes.

Masks say what they stand for, so that a reviewer can still judge. Order matters: what holds others is masked first.
"""

from __future__ import annotations

from typing import Final

import re2

_LABEL: Final = r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_ENDINGS: Final = "com|net|org|io|dev|de|eu|uk|gov|edu|info|biz|local|internal|corp|ru|cn|fr|nl|ch"
_PATTERNS: Final = (
    ("pseudonym", r"\b(?:account|person|service|agent|user|principal|session|ex|ev|case)_[0-9a-f]{32}\b"),
    ("key", r"\b(?:sk|pk|rk|bz|ghp|gho|xox[abp]|AKIA|whsec)[-_A-Za-z0-9]{12,}\b"),
    ("key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"),
    ("token", r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]+)?"),
    ("email", r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9.\-]{1,253}\.[A-Za-z]{2,24}"),
    ("address", r"\b(?:[a-z][a-z0-9+.\-]{1,12})://[^\s<>\"']+"),
    ("address", r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]{1,5})?\b"),
    ("address", r"\b(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]{1,4}\b"),
    ("account number", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ("number", r"\+?[0-9][0-9 ().\-]{7,20}[0-9]"),
    ("host", rf"\b(?:{_LABEL}\.){{1,8}}(?:{_ENDINGS})\b"),
    ("name", r"\b(?:[Mm]y name is|[Ii] am|[Ii]'m|Mr\.?|Mrs\.?|Ms\.?|Dr\.?) [A-Z][a-z]+(?: [A-Z][a-z]+){0,2}"),
    ("path", r"(?:/home/|/Users/|C:\\Users\\)[^\s/\\]{1,64}"),
)
_COMPILED: Final = tuple((name, re2.compile(pattern)) for name, pattern in _PATTERNS)
_MOST: Final = 16_000


def masked(text: str, *, most: int = _MOST) -> str:
    """Return text with what may name somebody replaced by ``[email]`` and the like, and cut to so many characters."""
    cut = text[: 2 * most]
    for name, pattern in _COMPILED:
        cut = pattern.sub(f"[{name}]", cut)
    return cut if len(cut) <= most else cut[:most] + " [cut]"
