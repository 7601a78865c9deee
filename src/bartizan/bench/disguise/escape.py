"""Escapes: percent signs, character references, backslashes and the transfer encodings that keep ASCII readable."""

import base64
import html.entities
import quopri
import random
import unicodedata
from collections.abc import Callable, Sequence

from bartizan.bench.disguise.compatibility import mathematical
from bartizan.bench.disguise.confusable import cyrillic_some
from bartizan.bench.disguise.placement import amid, lines, swap, wedge, words
from bartizan.bench.disguise.shape import Apply, disguises

_INVISIBLE_NAMES = ("&shy;", "&zwnj;", "&zwj;", "&ZeroWidthSpace;", "&NoBreak;", "&#8203;", "&#xFEFF;", "&InvisibleTimes;")


def every(escape: Callable[[str], str]) -> Apply:
    """Makes a disguise that escapes every character."""
    return lambda phrase, _rng: "".join(map(escape, phrase))


def some_of(escape: Callable[[str], str]) -> Apply:
    """Makes a disguise that escapes some characters, at least one in each word."""
    return lambda phrase, rng: swap(phrase, rng, escape)


def percent(text: str) -> str:
    """Percent-encodes every byte of the UTF-8 form, unreserved characters too."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


def json_units(text: str) -> str:
    r"""Writes every UTF-16 code unit as \uXXXX."""
    return "".join(f"\\u{pair.hex()}" for pair in _units(text))


def modified_base64(text: str) -> str:
    """Gives the unpadded base64 of the big-endian UTF-16 form, as UTF-7 has it."""
    return base64.b64encode(text.encode("utf-16-be")).rstrip(b"=").decode()


def _units(text: str) -> list[bytes]:
    raw = text.encode("utf-16-be")
    return [raw[start : start + 2] for start in range(0, len(raw), 2)]


def _form(phrase: str, rng: random.Random) -> str:
    return swap(phrase, rng, percent).replace(" ", "+")


def _lower_percent(phrase: str, rng: random.Random) -> str:
    return swap(phrase, rng, lambda letter: percent(letter).lower() if rng.random() < 0.5 else percent(letter))


def _overlong(letter: str) -> str:
    code = ord(letter)
    return f"%{0xC0 | code >> 6:02X}%{0x80 | code & 0x3F:02X}" if code < 0x80 else percent(letter)


def _reference(letter: str, rng: random.Random, end: str) -> str:
    zeros = "0" * rng.randint(0, 5)
    forms = (f"&#{zeros}{ord(letter)}{end}", f"&#x{zeros}{ord(letter):x}{end}", f"&#X{zeros}{ord(letter):X}{end}")
    return rng.choice(forms)


def _references(phrase: str, rng: random.Random) -> str:
    return "".join(_reference(letter, rng, ";") for letter in phrase)


def _references_some(phrase: str, rng: random.Random) -> str:
    return swap(phrase, rng, lambda letter: _reference(letter, rng, ";"))


def _unended(phrase: str, _rng: random.Random) -> str:
    return "".join(f"&#{ord(letter)}" for letter in phrase)


def _named_letter(letter: str, rng: random.Random) -> str:
    names = [f"&{letter}{style};" for style in ("fr", "opf", "scr") if f"{letter}{style};" in html.entities.html5]
    return rng.choice(names) if names else f"&#{ord(letter)};"


def _named(phrase: str, rng: random.Random) -> str:
    return swap(phrase, rng, lambda letter: _named_letter(letter, rng))


def _surrogates(phrase: str, rng: random.Random) -> str:
    return f'"{json_units(mathematical(phrase, rng))}"'


def _mixed_backslashes(letter: str, rng: random.Random) -> str:
    code = ord(letter)
    return rng.choice((f"\\x{code:02x}", f"\\u{code:04x}", f"\\{code:03o}", f"\\U{code:08x}", f"\\u{{{code:x}}}", letter))


def _any(letter: str, kinds: Sequence[Callable[[str], str]], rng: random.Random) -> str:
    return rng.choice(kinds)(letter)


def _salad(phrase: str, rng: random.Random) -> str:
    kinds: tuple[Callable[[str], str], ...] = (
        percent,
        json_units,
        lambda letter: f"&#{ord(letter)};",
        lambda letter: f"\\x{ord(letter):02x}",
    )
    return swap(phrase, rng, lambda letter: _any(letter, kinds, rng))


def _css(phrase: str, rng: random.Random) -> str:
    return swap(phrase, rng, lambda letter: rng.choice((f"\\{ord(letter):x} ", f"\\{ord(letter):06x}")))


def _quoted(phrase: str, rng: random.Random) -> str:
    return lines("".join(f"={byte:02X}" for byte in amid(phrase, rng).encode()), 3 * rng.randint(8, 25)).replace("\n", "=\n")


def _soft_breaks(phrase: str, rng: random.Random) -> str:
    return wedge(quopri.encodestring(phrase.encode()).decode(), rng, lambda: "=\r\n")


def _word_q(phrase: str, _rng: random.Random) -> str:
    return f"=?utf-8?Q?{''.join(f'={byte:02X}' for byte in phrase.encode())}?="


def _word_b(phrase: str, rng: random.Random) -> str:
    place = rng.randrange(1, len(phrase))
    return " ".join(f"=?UTF-8?B?{base64.b64encode(part.encode()).decode()}?=" for part in (phrase[:place], phrase[place:]))


def _utf7(phrase: str, rng: random.Random) -> str:
    return words(phrase, lambda word: f"+{modified_base64(word)}-") if rng.random() < 0.5 else f"+{modified_base64(phrase)}-"


def _imap(phrase: str, _rng: random.Random) -> str:
    return words(phrase, lambda word: f"&{modified_base64(word).replace('/', ',')}-")


def _punycode(phrase: str, rng: random.Random) -> str:
    def label(word: str) -> str:
        other = cyrillic_some(word, rng)
        return word if other == word else "xn--" + other.encode("punycode").decode()

    return words(phrase, label)


def _named_python(letter: str) -> str:
    return f"\\N{{{unicodedata.name(letter)}}}"


def _calls(phrase: str, rng: random.Random) -> str:
    codes = ",".join(str(ord(letter)) for letter in phrase)
    return rng.choice((f"String.fromCharCode({codes})", f"CHAR({codes})", "+".join(f"chr({ord(letter)})" for letter in phrase)))


def _entity_gaps(phrase: str, rng: random.Random) -> str:
    return wedge(phrase, rng, lambda: rng.choice(_INVISIBLE_NAMES))


_URI = "RFC 3986 section 2.1"
_REFERENCE = "HTML Living Standard section 13.5"
_JSON = "RFC 8259 section 7"
_LANGUAGE = "ECMA-262 section 12.9.4; Python reference 2.4.1"

ESCAPE = (
    *disguises(
        "escape",
        "certain",
        ("percent-all", "Every byte percent-encoded", _URI, every(percent)),
        ("percent-some", "Some letters percent-encoded, in either case", _URI, _lower_percent),
        ("percent-form", "Some letters percent-encoded, plus signs for spaces", "URL Living Standard section 5", _form),
        ("html-references", "Every character as a numeric reference, with leading zeros", _REFERENCE, _references),
        ("html-references-some", "Some characters as numeric references", _REFERENCE, _references_some),
        ("html-named-letters", "Some letters by the names of their mathematical forms", _REFERENCE, _named),
        ("html-named-gaps", "Named references to invisible characters inside words", _REFERENCE, _entity_gaps),
        ("json-all", r"Every character as \uXXXX", _JSON, every(json_units)),
        ("json-some", r"Some characters as \uXXXX", _JSON, some_of(json_units)),
        ("json-surrogates", "Mathematical letters as surrogate pairs in a JSON string", _JSON, _surrogates, '"'),
        ("hex-escapes", r"Every character as \xXX", _LANGUAGE, every(lambda letter: f"\\x{ord(letter):02x}")),
        ("octal-escapes", r"Every character as \ooo", _LANGUAGE, every(lambda letter: f"\\{ord(letter):03o}")),
        ("long-escapes", r"Every character as \UXXXXXXXX", _LANGUAGE, every(lambda letter: f"\\U{ord(letter):08x}")),
        ("brace-escapes", r"Some characters as \u{X}", _LANGUAGE, some_of(lambda letter: f"\\u{{{ord(letter):x}}}")),
    ),
    *disguises(
        "escape",
        "likely",
        ("html-unended", "Decimal references without a semicolon", _REFERENCE, _unended),
        ("backslashes-mixed", "Backslash escapes of five kinds", _LANGUAGE, lambda phrase, rng: swap(
            phrase, rng, lambda letter: _mixed_backslashes(letter, rng))),
        ("escapes-mixed", "Percent, JSON, HTML and hex escapes side by side", _URI, _salad),
        ("percent-u", "The %uXXXX form of old script engines", "ECMA-262 annex B.2.1", some_of(lambda letter: f"%u{ord(letter):04X}")),
        ("css-escapes", "CSS escapes of some letters", "CSS Syntax Level 3 section 4.3.7", _css),
        ("named-escapes", r"Python \N{...} escapes of some letters", _LANGUAGE, some_of(_named_python)),
        ("code-points", "U+XXXX for every character", "Unicode Standard appendix A", lambda phrase, _rng:
            " ".join(f"U+{ord(letter):04X}" for letter in phrase)),
        ("char-calls", "fromCharCode, CHAR or chr over character codes", "ECMA-262 section 22.1.2.1", _calls),
        ("quoted-printable", "Every byte quoted, with soft line breaks", "RFC 2045 section 6.7", _quoted),
        ("soft-breaks", "Soft line breaks inside words", "RFC 2045 section 6.7", _soft_breaks),
        ("encoded-word-q", "A Q encoded word", "RFC 2047 section 4.2", _word_q),
        ("encoded-word-b", "Two adjacent B encoded words", "RFC 2047 section 4.1", _word_b),
        ("utf-7", "UTF-7 of the whole phrase or of each word", "RFC 2152", _utf7),
        ("imap-utf-7", "IMAP's modified UTF-7 of each word", "RFC 3501 section 5.1.3", _imap),
        ("punycode", "Words with Cyrillic letters as IDNA labels", "RFC 3492", _punycode),
    ),
    *disguises(
        "escape",
        "stretch",
        ("percent-overlong", "Non-shortest UTF-8, which a decoder should refuse", "UTR 36 section 3.1", every(_overlong)),
    ),
)  # fmt: skip
