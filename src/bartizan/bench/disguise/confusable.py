"""Letters that look like others: UTS 39 confusables of one and of several scripts, lookalikes in ASCII, and leet."""

import random

from bartizan.bench.disguise.placement import some, swap, words
from bartizan.bench.disguise.shape import disguises

# Each pair shares a skeleton in confusables.txt, version 14.0.0, up to case; the capitals stand in where no small letter does.
# The lookalikes of l also look like a capital I, so they stand apart, in _EL.
CYRILLIC = str.maketrans(
    "abcdehikmopqrstwxyABCEHIJKMOPSTXY",
    "\u0430\u042c\u0441\u0501\u0435\u04bb\u0456\u041a\u041c\u043e\u0440\u051b\u0433\u0455\u0422\u051d\u0445\u0443\u0410\u0412\u0421"
    "\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u04ae",
)
GREEK = str.maketrans(
    "aikmnoptuvyABEHIKMNOPTXYZ",
    "\u03b1\u03b9\u039a\u039c\u039d\u03bf\u03c1\u03a4\u03c5\u03bd\u03b3\u0391\u0392\u0395\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7\u03a5\u0396",
)
ARMENIAN = str.maketrans("fghnoquw", "\u0584\u0581\u0570\u0578\u0585\u0566\u057d\u0561")
CHEROKEE = str.maketrans("bchirsvwzd", "\u13cf\uabaf\u13c2\u13a5\uab81\uabaa\uaba9\uab83\uab93\u13e7")
LATIN_LIKE = str.maketrans("acegiosuvwyz", "\u0251\u1d04\uab32\u0261\u0131\u1d0f\ua731\u1d1c\u1d20\u1d21\u028f\u1d22")
RARE = str.maketrans(
    "acosuvxyz24567",
    "\u237a\U0001043d\U0001042c\U000118c1\U000104f6\U000118c0\u1541\U000118dc\U000118c4\ua644\u13ce\U000118bb\U000118d5\U000118c6",
)
_EL = {ord("l"): 0x04C0}
_STRICT = (CYRILLIC, GREEK, ARMENIAN, CHEROKEE, LATIN_LIKE)
# Alike to the eye and to a model, but not in confusables.txt.
_LOOSE = str.maketrans("bhkmnrtuw", "\u0432\u043d\u043a\u043c\u043f\u044f\u0442\u0446\u0448")
_SMALL_CAPITALS = str.maketrans(
    "abcdefghijklmnopqrstuvwyz",
    "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\ua7af\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21"
    "\u028f\u1d22",
)
_ASCII_LOOK = (("m", "rn"), ("w", "vv"), ("d", "cl"), ("l", "I"), ("i", "l"), ("o", "0"))
_LEET = str.maketrans("aeiost", "431057")
_LEET_SIGNS = {
    "a": ("4", "@"), "b": ("8",), "c": ("(",), "d": ("|)",), "e": ("3",), "g": ("6", "9"), "h": ("#",), "i": ("1", "!"), "k": ("|<",),
    "l": ("1", "|_"), "m": ("|v|",), "n": ("|\\|",), "o": ("0",), "p": ("|*",), "q": ("0,",), "r": ("|2",), "s": ("5", "$"),
    "t": ("7", "+"), "u": ("|_|",), "v": ("\\/",), "w": ("\\/\\/",), "x": ("><",), "z": ("2",),
}  # fmt: skip


def cyrillic_some(phrase: str, rng: random.Random) -> str:
    """Replaces some letters, at least one in each word that has such a letter, by Cyrillic ones."""
    return swap(phrase, rng, lambda letter: letter.translate(CYRILLIC))


def one_letter(phrase: str, rng: random.Random, table: dict[int, int]) -> str:
    """Replaces one letter of each word that has a letter in the table."""

    def alter(word: str) -> str:
        able = [place for place, letter in enumerate(word) if ord(letter) in table]
        if not able:
            return word
        place = rng.choice(able)
        return word[:place] + word[place].translate(table) + word[place + 1 :]

    return words(phrase, alter)


def _mixed(phrase: str, rng: random.Random) -> str:
    return swap(phrase, rng, lambda letter: rng.choice([letter.translate(table) for table in _STRICT if ord(letter) in table] or [letter]))


def _ascii_look(phrase: str, rng: random.Random) -> str:
    look = dict(_ASCII_LOOK)
    return swap(phrase, rng, lambda letter: look.get(letter, letter))


def _leet_light(phrase: str, rng: random.Random) -> str:
    able = [place for place, letter in enumerate(phrase) if ord(letter) in _LEET]
    chosen = rng.sample(able, min(len(able), rng.randint(1, 2)))
    return "".join(letter.translate(_LEET) if place in chosen else letter for place, letter in enumerate(phrase))


def _leet_heavy(phrase: str, rng: random.Random) -> str:
    return "".join(rng.choice(_LEET_SIGNS.get(letter, (letter,))) for letter in phrase.lower())


def _caseful(phrase: str, rng: random.Random) -> str:
    chosen = some(len(phrase), rng)
    return cyrillic_some("".join(letter.upper() if place in chosen else letter.lower() for place, letter in enumerate(phrase)), rng)


_UTS39 = "UTS 39 section 4, confusables.txt"
_MIXED = "UTS 39 section 5.1, mixed-script detection"

CONFUSABLE = (
    *disguises(
        "confusable",
        "certain",
        ("cyrillic-one", "One Cyrillic letter in each word", _MIXED, lambda phrase, rng: one_letter(phrase, rng, CYRILLIC)),
        ("greek-one", "One Greek letter in each word", _MIXED, lambda phrase, rng: one_letter(phrase, rng, GREEK)),
        ("armenian-one", "One Armenian letter in each word", _MIXED, lambda phrase, rng: one_letter(phrase, rng, ARMENIAN)),
        ("cherokee-one", "One Cherokee letter in each word", _MIXED, lambda phrase, rng: one_letter(phrase, rng, CHEROKEE)),
        ("cyrillic-some", "Cyrillic for some letters of each word", _MIXED, cyrillic_some),
        ("scripts-mixed", "Letters of several scripts in each word", _MIXED, _mixed),
        ("cyrillic-random-case", "Cyrillic for some letters, in random case", _MIXED, _caseful),
    ),
    *disguises(
        "confusable",
        "likely",
        ("cyrillic-full", "Every letter that Cyrillic has, palochka for l too", _UTS39, lambda phrase, _rng:
            phrase.translate(CYRILLIC | _EL)),
        ("greek-full", "Every letter that Greek has", _UTS39, lambda phrase, _rng: phrase.translate(GREEK)),
        ("latin-lookalikes", "Latin letters beyond ASCII that look alike", _UTS39, lambda phrase, rng: swap(
            phrase, rng, lambda letter: letter.translate(LATIN_LIKE))),
        ("rare-scripts", "Letters and digits from Deseret, Osage, Warang Citi and others", _UTS39, lambda phrase, rng: swap(
            phrase, rng, lambda letter: letter.translate(RARE))),
        ("cyrillic-loose", "Cyrillic letters alike to a reader but not in the table", "Creo and Pudasaini 2025, SilverSpeak",
            lambda phrase, _rng: phrase.translate(_LOOSE)),
        ("small-capitals", "Phonetic small capitals", "Unicode block 1D00..1D7F", lambda phrase, _rng: (
            phrase.lower().translate(_SMALL_CAPITALS))),
        ("ascii-lookalikes", "rn for m, I for l, 0 for o and the like", _UTS39, _ascii_look),
        ("leet-light", "One or two letters as digits", "Jailbreak corpora, leetspeak", _leet_light),
    ),
    *disguises("confusable", "stretch", ("leet-heavy", "All letters as digits and signs", "Jailbreak corpora, leetspeak", _leet_heavy)),
)  # fmt: skip
