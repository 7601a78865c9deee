"""The catalogue of ATT&CK techniques: a pinned copy in the package, and an importer for bundles that come later."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import zstandard

from bartizan.errors import BartizanError

_LARGEST: Final = 256 << 20
_DOMAINS: Final = {"enterprise-attack": "enterprise", "mobile-attack": "mobile", "ics-attack": "ics"}


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One technique. ``current`` is the id that replaced it; a deprecated one has no successor."""

    id: str
    name: str
    domain: str
    tactics: tuple[str, ...] = ()
    current: str = ""
    deprecated: bool = False


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Techniques by id, and the version of ATT&CK that each domain's come from."""

    versions: dict[str, str]
    techniques: dict[str, Listed]
    notice: str = ""

    def find(self, id_: str) -> Listed | None:
        """Return the technique with this id, whatever its letter case."""
        return self.techniques.get(id_.upper())


@cache
def shipped() -> Catalogue:
    """Return the catalogue in the package."""
    return decode(files("bartizan.workbench.intel.extract.attack").joinpath("data", "attack.json.zst").read_bytes(), "attack.json.zst")


def load(path: Path) -> Catalogue:
    """Return a catalogue that ``bartizan intel catalogue`` wrote.

    Raises:
        BartizanError: The file can't be read as one.
    """
    try:
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise BartizanError(f"reading the ATT&CK catalogue {path}: {error}", hint="bartizan intel catalogue writes one") from error


def decode(raw: bytes, name: str) -> Catalogue:
    """Read a catalogue from its bytes."""
    try:
        return msgspec.json.decode(zstandard.ZstdDecompressor().decompress(raw, max_output_size=_LARGEST), type=Catalogue)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise BartizanError(f"reading the ATT&CK catalogue {name}: {error}", hint="bartizan intel catalogue writes one") from error


def encode(catalogue: Catalogue) -> bytes:
    """Write a catalogue, the same bytes for the same content."""
    packed = msgspec.json.encode(catalogue, order="sorted")
    return bytes(zstandard.ZstdCompressor(level=19, write_content_size=True).compress(packed))


def from_bundles(paths: list[Path]) -> Catalogue:
    """Read the techniques of STIX 2.x bundles as MITRE publishes them; a later bundle adds to and replaces what earlier ones said.

    Raises:
        BartizanError: A file is no such bundle; it says which.
    """
    versions: dict[str, str] = {}
    techniques: dict[str, Listed] = {}
    notice = ""
    for path in paths:
        try:
            bundle: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            objects: list[dict[str, Any]] = [one for one in bundle["objects"] if isinstance(one, dict)]
            domain, found = _of_bundle(objects)
        except (OSError, KeyError, TypeError, msgspec.MsgspecError) as error:
            raise BartizanError(
                f"importing ATT&CK from {path}: {error}", hint="take a bundle of attack-stix-data, for example enterprise-attack.json"
            ) from error
        if not found:
            raise BartizanError(f"importing ATT&CK from {path}: no technique in it", hint="take a bundle of attack-stix-data")
        versions[domain] = next(
            (str(one.get("x_mitre_version", "")) for one in objects if one.get("type") == "x-mitre-collection"), "unknown"
        )
        notice = next((str(one["definition"].get("statement", "")) for one in objects if one.get("type") == "marking-definition"), notice)
        techniques |= found
    return Catalogue(versions=versions, techniques=dict(sorted(techniques.items())), notice=notice)


def _of_bundle(objects: list[dict[str, Any]]) -> tuple[str, dict[str, Listed]]:
    patterns = {one["id"]: one for one in objects if one.get("type") == "attack-pattern"}
    ids = {key: _external_id(one) for key, one in patterns.items()}
    revoked = {
        one["source_ref"]: ids.get(one["target_ref"], "")
        for one in objects
        if one.get("type") == "relationship" and one.get("relationship_type") == "revoked-by"
    }
    domains = [domain for one in patterns.values() for domain in one.get("x_mitre_domains", [])]
    domain = _DOMAINS.get(max(set(domains), key=domains.count), "enterprise") if domains else "enterprise"
    found: dict[str, Listed] = {}
    for key, one in patterns.items():
        fresh = Listed(
            id=ids[key],
            name=str(one["name"]),
            domain=domain,
            tactics=tuple(sorted(str(phase["phase_name"]) for phase in one.get("kill_chain_phases", []))),
            current=revoked.get(key, ""),
            deprecated=bool(one.get("x_mitre_deprecated", False)),
        )
        before = found.get(fresh.id)
        if fresh.id and (before is None or before.current or before.deprecated):
            found[fresh.id] = fresh
    return domain, found


def _external_id(one: dict[str, Any]) -> str:
    sources = ("mitre-attack", "mitre-mobile-attack", "mitre-ics-attack")
    return next((str(ref["external_id"]) for ref in one.get("external_references", []) if ref.get("source_name") in sources), "")
