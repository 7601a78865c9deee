"""Build the tables of ``bartizan.workbench.intel.extract`` that come from MISP: top-level domains and warning lists.

Usage: python scripts/build_intel_tables.py WARNINGLISTS

``WARNINGLISTS`` is the folder ``lists`` of misp-warninglists (https://github.com/MISP/misp-warninglists, CC0 1.0 or BSD-2-Clause), for
example that in the package pymispwarninglists. Written beside the code that reads them, with ``tables.provenance.json``.
"""

import hashlib
import json
import sys
from pathlib import Path

import zstandard

DATA = Path(__file__).parent.parent / "src/bartizan/workbench/intel/extract/indicators/data"
HOSTS = {
    "moz-top500": "popular site",
    "microsoft": "Microsoft",
    "google": "Google",
    "security-provider-blogpost": "security vendor",
    "automated-malware-analysis": "malware analysis service",
    "url-shortener": "link shortener",
    "whats-my-ip": "shows the caller's address",
    "link-in-bio": "link page",
}
HASHES = {"empty-hashes": "hash of nothing", "common-ioc-false-positive": "common false positive", "eicar.com": "EICAR test file"}
NETWORKS = {"rfc5735": "special-purpose address (RFC 5735)", "sinkholes": "sinkhole"}
RESOLVERS = (
    "1.1.1.1 1.0.0.1 8.8.8.8 8.8.4.4 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 4.2.2.1 4.2.2.2 64.6.64.6 64.6.65.6 "
    "77.88.8.8 77.88.8.1 114.114.114.114 223.5.5.5 223.6.6.6 94.140.14.14"
)


def main() -> None:
    source = Path(sys.argv[1])
    used: dict[str, dict[str, object]] = {}

    def read(name: str) -> list[str]:
        path = source / name / "list.json"
        listed = json.loads(path.read_bytes())
        used[name] = {"version": listed["version"], "rows": len(listed["list"]), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        return listed["list"]

    hosts: dict[str, str] = {}
    for name, label in HOSTS.items():
        for value in read(name):
            host = value.split("/")[0].strip(".").lower()
            if "." in host:
                hosts.setdefault(host.removeprefix("www."), label)
    hashes = {value.lower(): label for name, label in HASHES.items() for value in read(name) if len(value) in {32, 40, 64, 128}}
    networks = {
        value if "/" in value else f"{value}/32": label for name, label in NETWORKS.items() for value in read(name) if ":" not in value
    }
    networks |= {f"{value}/32": "public DNS resolver" for value in RESOLVERS.split()}
    packed = json.dumps({"hosts": hosts, "hashes": hashes, "ipv4": networks}, sort_keys=True, separators=(",", ":")).encode()
    (DATA / "warning_lists.json.zst").write_bytes(zstandard.ZstdCompressor(level=19, write_content_size=True).compress(packed))
    tlds = sorted({value.lower() for value in read("tlds") if value.isascii()})
    (DATA / "tlds.txt").write_text(
        "# Top-level domains as IANA lists them, by way of misp-warninglists (CC0 1.0)\n" + "\n".join(tlds) + "\n"
    )
    written = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (DATA / "tlds.txt", DATA / "warning_lists.json.zst")}
    provenance = {
        "command": "python scripts/build_intel_tables.py WARNINGLISTS",
        "source": "https://github.com/MISP/misp-warninglists",
        "licence": "CC0 1.0 or BSD-2-Clause",
        "lists": used,
        "written": written,
    }
    (DATA / "tables.provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    main()
