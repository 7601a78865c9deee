"""Compatibility forms of ASCII letters, digits and spaces: what UAX 15 calls NFKC folds most of them."""

import random

from bartizan.bench.disguise.placement import swap
from bartizan.bench.disguise.shape import disguises

# Starts of the styles in U+1D400..1D7FF that have no holes, 26 capitals then 26 small letters each; and of their digits.
_MATH_LETTERS = (0x1D400, 0x1D468, 0x1D4D0, 0x1D56C, 0x1D5A0, 0x1D5D4, 0x1D608, 0x1D63C, 0x1D670)
_MATH_DIGITS = (0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)
# Zeros of other scripts' decimal digits (general category Nd), which NFKC keeps and unicodedata.digit reads.
_ZEROS = (0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0E50, 0x1040, 0x17E0, 0x1D7CE)
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_BREAKS = ("\n", "\t", "\r\n", "\v", "\f", "\u0085", "\u2028", "\u2029", "   ", " \n\t ")
_SUPERSCRIPT = str.maketrans(
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "\u1d43\u1d47\u1d9c\u1d48\u1d49\u1da0\u1d4d\u02b0\u2071\u02b2\u1d4f\u02e1\u1d50\u207f\u1d52\u1d56\U000107a5\u02b3\u02e2\u1d57\u1d58"
    "\u1d5b\u02b7\u02e3\u02b8\u1dbb\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079",
)
_LETTERLIKE = str.maketrans("deghijloBCDEFHILMNPQRZ", "\u2146\u212f\u210a\u210e\u2148\u2149\u2113\u2134\u212c\u212d\u2145\u2130\u2131\u210b"
                            "\u2110\u2112\u2133\u2115\u2119\u211a\u211b\u2124")  # fmt: skip
_CLUSTERS = (  # longest first: ligatures, digraphs, squared units and Roman numerals that stand for several letters
    ("ffi", "\ufb03"), ("ffl", "\ufb04"), ("viii", "\u2177"), ("iii", "\u2172"), ("vii", "\u2176"), ("xii", "\u217b"), ("rad", "\u33ad"),
    ("log", "\u33d2"), ("ff", "\ufb00"), ("fi", "\ufb01"), ("fl", "\ufb02"), ("st", "\ufb06"), ("dz", "\u01f3"), ("ij", "\u0133"),
    ("lj", "\u01c9"), ("nj", "\u01cc"), ("cm", "\u339d"), ("mm", "\u339c"), ("km", "\u339e"), ("kg", "\u338f"), ("mg", "\u338e"),
    ("cc", "\u33c4"), ("ms", "\u33b3"), ("ns", "\u33b1"), ("ps", "\u33b0"), ("ln", "\u33d1"), ("lm", "\u33d0"), ("cd", "\u33c5"),
    ("ii", "\u2171"), ("iv", "\u2173"), ("vi", "\u2175"), ("ix", "\u2178"), ("xi", "\u217a"), ("i", "\u2170"), ("v", "\u2174"),
    ("x", "\u2179"), ("l", "\u217c"), ("c", "\u217d"), ("d", "\u217e"), ("m", "\u217f"),
)  # fmt: skip


def styled(letter: str, letters: int, digits: int) -> str:
    """Gives the mathematical form of an ASCII letter or digit, of the styles that start at these code points."""
    if letter.isascii() and letter.isupper():
        return chr(letters + ord(letter) - ord("A"))
    if letter.isascii() and letter.islower():
        return chr(letters + 26 + ord(letter) - ord("a"))
    return chr(digits + int(letter)) if letter.isascii() and letter.isdigit() else letter


def mathematical(phrase: str, rng: random.Random) -> str:
    """Writes letters and digits in one mathematical style."""
    letters, digits = rng.choice(_MATH_LETTERS), rng.choice(_MATH_DIGITS)
    return "".join(styled(letter, letters, digits) for letter in phrase)


def fullwidth(phrase: str) -> str:
    """Writes printable ASCII in the fullwidth forms, and spaces as ideographic spaces."""
    return "".join("\u3000" if letter == " " else chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in phrase)


def _ransom(phrase: str, rng: random.Random) -> str:
    return "".join(styled(letter, rng.choice(_MATH_LETTERS), rng.choice(_MATH_DIGITS)) for letter in phrase)


def _boxed(phrase: str, capital: int, small: int, digit: dict[int, int]) -> str:
    table = {ord("A") + place: capital + place for place in range(26)} | {ord("a") + place: small + place for place in range(26)}
    return phrase.translate(table | digit)


def _circled(phrase: str, _rng: random.Random) -> str:
    return _boxed(phrase, 0x24B6, 0x24D0, {ord("0"): 0x24EA} | {ord("1") + place: 0x2460 + place for place in range(9)})


def _squared(phrase: str, _rng: random.Random) -> str:
    return _boxed(phrase, 0x1F130, 0x1F130, {})


def _parenthesized(phrase: str, _rng: random.Random) -> str:
    return _boxed(phrase, 0x1F110, 0x249C, {ord("1") + place: 0x2474 + place for place in range(9)})


def _negative(phrase: str, rng: random.Random) -> str:
    start = rng.choice((0x1F150, 0x1F170))
    return _boxed(phrase, start, start, {})


def _flags(phrase: str, _rng: random.Random) -> str:
    return _boxed(phrase, 0x1F1E6, 0x1F1E6, {})


def _clusters(phrase: str, _rng: random.Random) -> str:
    for plain, cluster in _CLUSTERS:
        phrase = phrase.replace(plain, cluster)
    return phrase


def _foreign_digits(phrase: str, rng: random.Random) -> str:
    zero = rng.choice(_ZEROS)
    return "".join(chr(zero + int(letter)) if letter.isdigit() else styled(letter, 0x1D670, zero) for letter in phrase)


def _spaces(phrase: str, rng: random.Random) -> str:
    return "".join(rng.choice(_SPACES) if letter == " " else letter for letter in phrase)


def _breaks(phrase: str, rng: random.Random) -> str:
    return "".join(rng.choice(_BREAKS) if letter == " " else letter for letter in phrase)


_UAX15 = "UAX 15 section 6, NFKC"

COMPATIBILITY = (
    *disguises(
        "compatibility",
        "certain",
        ("fullwidth", "Fullwidth ASCII with ideographic spaces", _UAX15, lambda phrase, _rng: fullwidth(phrase)),
        ("fullwidth-some", "Fullwidth forms for some letters", _UAX15, lambda phrase, rng: swap(phrase, rng, fullwidth)),
        ("math-one-style", "One style of the mathematical alphanumerics", _UAX15, mathematical),
        ("math-ransom", "A new mathematical style for each letter", _UAX15, _ransom),
        ("letterlike", "Letterlike symbols, the holes of the mathematical styles", _UAX15, lambda phrase, rng: swap(
            phrase, rng, lambda letter: letter.translate(_LETTERLIKE))),
        ("superscript", "Superscript and modifier letters and digits", _UAX15, lambda phrase, _rng: phrase.lower().translate(_SUPERSCRIPT)),
        ("superscript-some", "Superscripts for some letters", _UAX15, lambda phrase, rng: swap(
            phrase.lower(), rng, lambda letter: letter.translate(_SUPERSCRIPT))),
        ("circled", "Circled letters and digits", _UAX15, _circled),
        ("squared", "Squared capitals", _UAX15, _squared),
        ("clusters", "Ligatures, digraphs, squared units and Roman numerals", _UAX15, _clusters),
        ("long-s", "The long s; a full case folding undoes it too", _UAX15, lambda phrase, _rng: phrase.replace("s", "\u017f")),
        ("foreign-digits", "Digits of another script beside monospace letters", "UAX 44, general category Nd", _foreign_digits),
        ("unicode-spaces", "Spaces of other widths between words", _UAX15 + "; general category Zs", _spaces),
        ("line-breaks", "Tabs, line and paragraph separators between words", "UAX 14, classes BK, CR, LF, NL", _breaks),
    ),
    *disguises(
        "compatibility",
        "likely",
        ("parenthesized", "Parenthesized letters, which NFKC turns into three characters each", _UAX15, _parenthesized),
        ("negative-boxes", "Negative circled or squared capitals, which have no decomposition", "Unicode block 1F100..1F1FF", _negative),
        ("regional-indicators", "Regional indicators, shown as boxed letters or flags", "UTS 51 annex B", _flags),
    ),
)  # fmt: skip
