"""Build ``entities/data/names.json.zst`` and ``kev.json.zst``: names of actors, malware and tools, and exploited vulnerabilities.

Usage: python scripts/build_entity_tables.py CLUSTERS KEV WORDS TEXTS

``CLUSTERS`` is the folder of that name of https://github.com/MISP/misp-galaxy (CC0 1.0 or BSD-2-Clause). ``KEV`` is CISA's catalogue of
known exploited vulnerabilities, as JSON or as JSON lines (CC0 1.0). ``WORDS`` is a list of English words, one a line (SCOWL, as Debian's
wamerican has it), and ``TEXTS`` rows of sentences of TRAM (Apache-2.0): a name that is a word, or that sentences write in lower case,
is marked so that it needs more than itself to be believed. The words that TRAM writes in lower case become ``common.json.zst``.
"""

import gzip
import hashlib
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import zstandard

DATA = Path(__file__).parent.parent / "src/bartizan/workbench/intel/extract/entities/data"
# In the order in which they are believed; the first cluster that has a name gives it its id.
GALAXIES = [
    ("threat-actor", "actor"), ("mitre-intrusion-set", "actor"), ("microsoft-activity-group", "actor"), ("360net", "actor"),
    ("mitre-malware", "malware"), ("mitre-tool", "tool"), ("malpedia", "malware"), ("tool", "tool"), ("rat", "malware"),
    ("stealer", "malware"), ("banker", "malware"), ("backdoor", "malware"), ("botnet", "malware"), ("exploit-kit", "malware"),
    ("cryptominers", "malware"), ("ransomware", "malware"), ("android", "malware"),
]  # fmt: skip
WEAK = {"ransomware", "android", "botnet", "360net", "malpedia"}
PREFIX = re.compile(r"^(?:win|elf|osx|apk|js|py|ps1|php|jar|vbs|ios|asp|aix|sh|fas|symbian|nodejs|perl)\.", re.IGNORECASE)
GENERIC = re.compile(
    r"\s+(?:group|team|gang|apt|ransomware|malware|trojan|stealer|rat|backdoor|loader|botnet|spyware|framework|\(malware\)|\([a-z ]+\))$",
    re.IGNORECASE,
)
CODE = re.compile(r"^(?:[GS]\d{4}|ATK\d+|TG-\d+|[A-Z]{2}-\d+)$")


def key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def parts(name: str) -> list[str]:
    split = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])", " ", name)
    return re.findall(r"[a-z0-9]+", split.lower())


def clusters(folder: Path) -> Iterator[tuple[str, str, str, str, list[str], dict]]:
    for galaxy, kind in GALAXIES:
        for value in json.loads((folder / f"{galaxy}.json").read_text())["values"]:
            meta = value.get("meta", {})
            name = re.sub(r"\s+-\s+[GS]\d{4}$", "", value["value"]).strip()
            names = [name, *(one for one in meta.get("synonyms", []) if isinstance(one, str))]
            yield galaxy, kind, value["uuid"], name, names, meta


def build(folder: Path, words: set[str], low: Counter) -> tuple[list[dict], Counter]:
    entities: list[dict] = []
    owner: dict[tuple[str, str], int] = {}
    rows: Counter = Counter()
    for galaxy, kind, uuid, name, names, meta in clusters(folder):
        rows[galaxy] += 1
        family = "actor" if kind == "actor" else "software"
        cleaned = [re.sub(r"\s*\([^)]*\)", "", one).strip() for one in names]
        cleaned = [
            one
            for one in dict.fromkeys(cleaned)
            if 3 <= len(key(one)) <= 40 and one.isascii() and not CODE.match(one) and not PREFIX.match(one)
        ]
        if not cleaned:
            continue
        number = owner.get((family, key(cleaned[0])))
        if number is None:
            number = len(entities)
            external = meta.get("external_id") or next((one for one in names if re.fullmatch(r"[GS]\d{4}", one)), "")
            entities.append(
                {"name": name, "kind": kind, "id": uuid, "external": external, "country": meta.get("country", "") or "", "names": {}}
            )
        for alias in cleaned:
            short = GENERIC.sub("", alias)
            for written in dict.fromkeys([alias, short]):
                if len(key(written)) < 3 or (family, key(written)) in owner:
                    continue
                owner[family, key(written)] = number
                entities[number]["names"][written] = doubt(written, words, low, galaxy)
    return [one for one in entities if one["names"]], rows


def doubt(name: str, words: set[str], low: Counter, galaxy: str) -> int:
    """0: believe it; 1: only with its capitals; 2: only beside a word that says what it is; 3: never by itself."""
    pieces = re.findall(r"[A-Za-z0-9]+", name)
    if len(pieces) > 1:
        return 1 if any(piece.lower() in words for piece in pieces) else 0
    text = name.lower()
    if text.isdigit() or len(key(name)) < 3:
        return 3
    short = len(text) <= 3 and not any(one.isdigit() for one in text[:2]) and not text.startswith("apt")
    if text in words or short:
        return 2
    if len(text) <= 4 or galaxy in WEAK or low[text] >= 3:
        return 1
    return 0


def places(folder: Path) -> list[dict]:
    """Countries and sectors of the galaxies, with how reports speak of them."""
    spoken = tomllib.loads((DATA / "places.toml").read_text())
    found = []
    for value in json.loads((folder / "country.json").read_text())["values"]:
        code = value["meta"]["ISO"]
        name = value["value"].title().replace(" And ", " and ").replace(" Of ", " of ")
        names = [one for one in dict.fromkeys([name, *spoken["country"].get(code, [])]) if one.isascii() and len(key(one)) > 1]
        found.append(
            {"name": name, "kind": "country", "id": value["uuid"], "external": code, "country": "", "names": dict.fromkeys(names, 1)}
        )
    for value in json.loads((folder / "sector.json").read_text())["values"]:
        names = spoken["sector"].get(value["value"], [])
        if names:
            found.append(
                {
                    "name": value["value"],
                    "kind": "sector",
                    "id": value["uuid"],
                    "external": "",
                    "country": "",
                    "names": dict.fromkeys(names, 0),
                }
            )
    return found


def pack(name: str, value: object) -> str:
    packed = zstandard.ZstdCompressor(level=19, write_content_size=True).compress(
        json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    )
    (DATA / name).write_bytes(packed)
    return hashlib.sha256(packed).hexdigest()


def main() -> None:
    folder, kev, wordlist, texts = (Path(name) for name in sys.argv[1:5])
    words = {line.strip() for line in wordlist.read_text().splitlines() if line.strip().islower() and "'" not in line}
    words |= {line.strip().lower() for line in wordlist.read_text().splitlines() if "'" not in line and len(line) > 2}
    low: Counter = Counter()
    high: Counter = Counter()
    with gzip.open(texts, "rt") as lines:
        for line in lines:
            for token in re.findall(r"[A-Za-z][A-Za-z0-9]+", json.loads(line)["text"]):
                (low if token.islower() else high)[token.lower()] += 1
    entities, rows = build(folder, words, low)
    raw = gzip.decompress(kev.read_bytes()).decode() if kev.suffix == ".gz" else kev.read_text()
    listed = [json.loads(line) for line in raw.splitlines()] if raw.lstrip().startswith('{"cveID') else json.loads(raw)["vulnerabilities"]
    exploited = {
        row["cveID"]: [row["dateAdded"], row["knownRansomwareCampaignUse"] == "Known", f"{row['vendorProject']} {row['product']}"]
        for row in listed
    }
    common = sorted(word for word, count in low.items() if count >= 2 and len(word) >= 3 and high[word] < 4 * count)
    written = {
        "names.json.zst": pack("names.json.zst", entities + places(folder)),
        "kev.json.zst": pack("kev.json.zst", exploited),
        "common.json.zst": pack("common.json.zst", common),
    }
    sources = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (kev, wordlist, texts, *(folder / f"{name}.json" for name, _ in GALAXIES))
    }
    provenance = {
        "command": "python scripts/build_entity_tables.py CLUSTERS KEV WORDS TEXTS",
        "licences": {
            "misp-galaxy": "CC0 1.0 or BSD-2-Clause",
            "KEV": "CC0 1.0",
            "SCOWL": "used to mark names, not copied",
            "TRAM": "Apache-2.0; its words in lower case are common.json.zst",
        },
        "clusters": dict(rows),
        "entities": len(entities),
        "names": sum(len(one["names"]) for one in entities),
        "exploited": len(exploited),
        "exploited_until": max(row["dateAdded"] for row in listed),
        "sources": sources,
        "written": written,
    }
    (DATA / "entities.provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    main()
