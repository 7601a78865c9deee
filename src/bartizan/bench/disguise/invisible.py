"""Characters that show nothing: default-ignorable code points, controls, bidirectional formatting, and text hidden in them."""

import random

from bartizan.bench.disguise.placement import amid, wedge, words
from bartizan.bench.disguise.shape import Apply, disguises

_CONTROLS = "\x00\x01\x02\x03\x05\x06\x07\x0e\x0f\x10\x12\x14\x16\x18\x1c\x1f\x7f\x80\x84\x86\x8d\x9a\x9f"
_MARKS = "\u200e\u200f\u061c"
_FILLERS = "\u115f\u1160\u3164\uffa0"
_OPERATORS = "\u2061\u2062\u2063\u2064"
_DEPRECATED = "\u206a\u206b\u206c\u206d\u206e\u206f"
_SELECTORS = "".join(chr(code) for code in (*range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0)))
_MIX = "\u00ad\u034f\u17b4\u17b5\u180b\u180c\u180d\u180e\u200b\u200c\u200d\u2060\ufeff\U0001d173\U0001d17a\U000e0001" + (
    _MARKS + _FILLERS + _OPERATORS + _DEPRECATED
)
_EMBEDDINGS = ("\u202a\u202c", "\u202d\u202c", "\u2066\u2069", "\u2068\u2069")


def sown(characters: str) -> Apply:
    """Makes a disguise that sows one to three of these characters into the gaps of each word."""
    return lambda phrase, rng: wedge(phrase, rng, lambda: "".join(rng.choices(characters, k=rng.randint(1, 3))))


def _everywhere(phrase: str, rng: random.Random) -> str:
    filler = rng.choice("\u200b\u2060\u200c")
    return filler + filler.join(phrase) + filler


def _balanced(phrase: str, rng: random.Random) -> str:
    return wedge(phrase, rng, lambda: rng.choice(_EMBEDDINGS))


def _bidi_phrase(phrase: str, _rng: random.Random) -> str:
    return f"\u202e{phrase[::-1]}\u202c"


def _bidi_words(phrase: str, rng: random.Random) -> str:
    opening, closing = rng.choice((("\u202e", "\u202c"), ("\u2067\u202e", "\u202c\u2069")))
    return words(phrase, lambda word: f"{opening}{word[::-1]}{closing}")


def _tags(phrase: str) -> str:
    return "".join(chr(0xE0000 + ord(letter)) if " " <= letter <= "~" else letter for letter in phrase)


def _smuggled(phrase: str, rng: random.Random) -> str:
    return rng.choice(("Hello", "Fine weather", "\U0001f600")) + _tags(phrase) + rng.choice(("", "!", " today"))


def _flag(phrase: str, rng: random.Random) -> str:
    return "\U0001f3f4" + _tags(amid(phrase, rng)) + "\U000e007f"


def _selector_bytes(phrase: str, rng: random.Random) -> str:
    hidden = "".join(chr(0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16) for byte in phrase.encode())
    return rng.choice("\U0001f600\U0001f44d\u2764") + hidden


def _bits(zero: str, one: str) -> Apply:
    def apply(phrase: str, _rng: random.Random) -> str:
        return "Hi" + "".join(one if byte >> shift & 1 else zero for byte in phrase.encode() for shift in range(7, -1, -1)) + " there"

    return apply


def _backspaced(phrase: str, rng: random.Random) -> str:
    return wedge(phrase, rng, lambda: rng.choice("zxjq_#") + "\b")


def _terminal(phrase: str, rng: random.Random) -> str:
    return wedge(phrase, rng, lambda: rng.choice(("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[38;5;12m", "\x1b[K", "\x9b0m")))


def _sixteen_bit(phrase: str, rng: random.Random) -> str:
    return phrase.encode(rng.choice(("utf-16-le", "utf-16-be"))).decode("latin-1")


_DI = "UAX 44, Default_Ignorable_Code_Point"
_BIDI = "UAX 9 section 2; Boucher and Anderson 2021, Trojan Source"

_GREETINGS = "Hello|Fine weather|\U0001f600"
_EMOJI = "[\U0001f600\U0001f44d\u2764]"

INVISIBLE = (
    *disguises(
        "invisible",
        "certain",
        ("zero-width-space", "Zero width spaces inside words", _DI, sown("\u200b")),
        ("zero-width-joiners", "Zero width joiners and non-joiners inside words", _DI, sown("\u200c\u200d")),
        ("zero-width-everywhere", "One invisible character around every character", _DI, _everywhere, "[\u200b\u2060\u200c]"),
        ("byte-order-mark", "Zero width no-break spaces inside words", _DI, sown("\ufeff")),
        ("invisible-operators", "Invisible mathematical operators inside words", "UTR 25 section 2.12", sown(_OPERATORS)),
        ("mongolian-vowel-separator", "Mongolian vowel and free variation separators", _DI, sown("\u180b\u180c\u180d\u180e")),
        ("hangul-fillers", "Hangul fillers, which count as letters", _DI, sown(_FILLERS)),
        ("grapheme-joiner", "Combining grapheme joiners, which count as marks", _DI, sown("\u034f")),
        ("bidi-marks", "Left-to-right, right-to-left and Arabic letter marks", _BIDI, sown(_MARKS)),
        ("bidi-embeddings", "Empty balanced embeddings and isolates inside words", _BIDI, _balanced),
        ("deprecated-format", "Deprecated format characters inside words", "Unicode Standard section 23.3", sown(_DEPRECATED)),
        ("controls", "C0 and C1 controls inside words", "Unicode Standard section 23.1", sown(_CONTROLS)),
        ("nul-interleaved", "UTF-16 read as single bytes: a NUL beside every letter", "UTR 36 section 3.6", _sixteen_bit),
        ("invisible-mix", "Default-ignorable characters of every kind inside words", _DI, sown(_MIX)),
    ),
    *disguises(
        "invisible",
        "likely",
        ("soft-hyphen", "Soft hyphens inside words", "Unicode Standard section 23.2", sown("\u00ad")),
        ("word-joiner", "Word joiners inside words", _DI, sown("\u2060")),
        ("text-selectors", "Text and emoji variation selectors between letters", "UTS 51 section 1.4.3", sown("\ufe0e\ufe0f")),
        ("variation-selectors", "Any of 254 variation selectors between letters", "Unicode Standard section 23.4", sown(_SELECTORS)),
        ("annotation-anchors", "Annotation characters inside words", "Unicode Standard section 23.8", sown("\ufff9\ufffa\ufffb")),
        ("tag-smuggling", "The phrase in tag characters after visible text", "Goodside 2024, ASCII smuggling", _smuggled, _GREETINGS),
        ("tag-flag", "The phrase in the tag sequence of a black flag, with its cancel tag", "UTS 51 annex C", _flag, "\U0001f3f4"),
        ("selector-smuggling", "UTF-8 bytes as variation selectors after an emoji", "Butler 2025, data in emoji", _selector_bytes, _EMOJI),
        ("bidi-override", "The phrase reversed under a right-to-left override", _BIDI, _bidi_phrase),
        ("bidi-override-words", "Each word reversed under its own override", _BIDI, _bidi_words),
        ("backspaces", "Wrong letters taken back with backspaces", "Boucher and others 2021, Bad Characters", _backspaced),
        ("terminal-colours", "Terminal control sequences inside words", "ECMA-48 section 5.4", _terminal),
    ),
    *disguises(
        "invisible",
        "stretch",
        ("bits-zero-width", "Bits as zero width space and non-joiner", "Zero-width steganography", _bits("\u200b", "\u200c")),
        ("bits-operators", "Bits as invisible times and plus", "Rehberger 2025, Sneaky Bits", _bits("\u2062", "\u2064")),
    ),
)  # fmt: skip
