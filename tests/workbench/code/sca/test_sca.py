import base64
import datetime as dt
import gzip
import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from bartizan.workbench.code.repo import File, Tree
from bartizan.workbench.code.sca import (
    SnapshotError,
    Urgency,
    dependencies,
    judge,
    open_snapshot,
    read_epss,
    read_kev,
    sign,
    upgrades,
)
from bartizan.workbench.code.sca.advisories import manifest_path
from bartizan.workbench.code.sca.bom import document
from bartizan.workbench.code.sca.fix import applied
from bartizan.workbench.code.sca.versions import key

TODAY = dt.date(2026, 11, 1)
ENTRIES = [
    {
        "id": "PYSEC-1",
        "aliases": ["CVE-2020-1"],
        "published": "2026-10-02T00:00:00Z",
        "summary": "loading runs code",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "PyYAML"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.4"}]}],
                "ecosystem_specific": {"imports": [{"path": "yaml", "symbols": ["load"]}]},
            }
        ],
    },
    {
        "id": "PYSEC-2",
        "aliases": [],
        "published": "2026-10-03T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "pyyaml"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "5.4"}, {"fixed": "5.4.1"}]}],
            }
        ],
    },
    {
        "id": "GHSA-3",
        "aliases": ["CVE-2020-1"],
        "published": "2026-10-01T00:00:00Z",
        "database_specific": {"severity": "HIGH"},
        "affected": [
            {
                "package": {"ecosystem": "npm", "name": "lodash"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "4.17.21"}]}],
            }
        ],
    },
]


def of(**files):
    contents = {name.replace("_DOT_", ".").replace("__", "/"): text.encode() for name, text in files.items()}
    return Tree({p: File(path=p, size=len(d)) for p, d in contents.items()}, (), lambda f: contents[f.path], name="t")


@pytest.fixture
def snapshot_file(tmp_path):
    path = tmp_path / "osv.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(entry) for entry in ENTRIES).encode()))
    return path


@pytest.fixture
def key_pair():
    private = Ed25519PrivateKey.generate()
    return private, base64.b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


@pytest.fixture
def snapshot(snapshot_file, key_pair):
    sign(snapshot_file, key_pair[0], made=dt.date(2026, 10, 12), source="test")
    return open_snapshot(snapshot_file, (key_pair[1],), today=TODAY)


def test_a_signed_snapshot_is_read_and_its_age_is_in_every_verdict(snapshot):
    report = judge(of(requirements_DOT_txt="PyYAML==5.3\n"), snapshot, TODAY)
    assert snapshot.signed
    assert [(v.advisory, v.age_days, v.snapshot) for v in report.verdicts] == [("PYSEC-1", 20, "2026-10-12")]


def test_a_snapshot_that_nobody_signed_is_refused(snapshot_file):
    with pytest.raises(SnapshotError, match="no readable signature"):
        open_snapshot(snapshot_file, ("x",))
    unsigned = open_snapshot(snapshot_file, unsafe_unsigned=True)
    assert not unsigned.signed
    assert unsigned.age_days(TODAY) == 29


def test_a_signature_by_a_stranger_is_none(snapshot_file, key_pair):
    sign(snapshot_file, Ed25519PrivateKey.generate(), made=TODAY)
    with pytest.raises(SnapshotError, match="not trusted"):
        open_snapshot(snapshot_file, (key_pair[1],))


@pytest.mark.parametrize("what", ["snapshot", "manifest", "signature"])
def test_what_was_altered_is_refused(snapshot_file, key_pair, what):
    sign(snapshot_file, key_pair[0], made=TODAY)
    at = {
        "snapshot": snapshot_file,
        "manifest": manifest_path(snapshot_file),
        "signature": manifest_path(snapshot_file).with_suffix(".sig"),
    }[what]
    data = bytearray(at.read_bytes())
    if what == "manifest":
        data = data.replace(b"2026-11-01", b"2026-11-02")
    elif what == "signature":
        given = json.loads(data)
        data = json.dumps(given | {"signature": "A" * 86 + "=="}).encode()
    else:
        data = gzip.compress(b"{}")
    at.write_bytes(bytes(data))
    with pytest.raises(SnapshotError):
        open_snapshot(snapshot_file, (key_pair[1],))


def test_a_snapshot_of_tomorrow_is_refused(snapshot_file, key_pair):
    sign(snapshot_file, key_pair[0], made=TODAY + dt.timedelta(days=1))
    with pytest.raises(SnapshotError, match="not yet"):
        open_snapshot(snapshot_file, (key_pair[1],), today=TODAY)


@given(st.binary(max_size=200))
def test_any_snapshot_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("s") / "a.jsonl"
    path.write_bytes(data)
    try:
        open_snapshot(path, unsafe_unsigned=True)
    except SnapshotError:
        return


def test_dependencies_of_every_file_are_listed():
    tree = of(
        requirements_DOT_txt="a==1.0 ; python_version>'3'\nb[x]>=2\n# c==1\n-r other.txt\nd==2.0 \\\n  --hash=sha256:00\ne @ https://x.example/e.zip\n",
        pyproject_DOT_toml='[project]\ndependencies=["f==3.0"]\n[tool.poetry.dependencies]\npython="^3"\ng="1.2"\n',
        poetry_DOT_lock='[[package]]\nname = "h"\nversion = "4.0"\n',
        Pipfile_DOT_lock='{"default": {"i": {"version": "==5.0"}}}',
        go_DOT_mod="module x\nrequire (\n\tgithub.com/a/b v1.2.3\n)\n",
    )
    files = {
        "package-lock.json": json.dumps(
            {
                "packages": {
                    "": {"dependencies": {"j": "^1"}},
                    "node_modules/j": {"version": "1.1.0"},
                    "node_modules/j/node_modules/k": {"version": "2.0.0"},
                }
            }
        ).encode(),
        "web/package-lock.json": json.dumps(
            {"dependencies": {"l": {"version": "1.0.0", "dependencies": {"m": {"version": "2.0.0"}}}}}
        ).encode(),
    }
    found = {(d.ecosystem, d.name, d.version, d.direct) for d in dependencies(tree.replaced(files), [])}
    assert found >= {
        ("PyPI", "a", "1.0", True),
        ("PyPI", "b", "", True),
        ("PyPI", "d", "2.0", True),
        ("PyPI", "f", "3.0", True),
        ("PyPI", "g", "1.2", True),
        ("PyPI", "h", "4.0", False),
        ("PyPI", "i", "5.0", False),
        ("npm", "j", "1.1.0", True),
        ("npm", "k", "2.0.0", False),
        ("npm", "l", "1.0.0", True),
        ("npm", "m", "2.0.0", False),
        ("Go", "github.com/a/b", "v1.2.3", True),
    }
    assert not any(name in {"c", "python"} for _, name, _, _ in found)


@pytest.mark.parametrize("name", ["package-lock.json", "pyproject.toml", "poetry.lock", "Pipfile.lock", "package.json"])
@given(text=st.text(max_size=80))
def test_any_list_is_read_or_told(name, text):
    dependencies(of().replaced({name: text.encode()}), [])


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"packages": {"a": 1}}', '{"dependencies": [1]}', '{"packages": {"": null, "node_modules/a": {}}}', "1"]
)
def test_lists_of_a_wrong_shape_are_told(text):
    notes = []
    dependencies(of().replaced({"package-lock.json": text.encode()}), notes)
    assert all(note.code == "syntax-error" for note in notes)


def test_how_far_a_package_is_reached(snapshot):
    requirements = "pyyaml==5.3\n"
    cases = {
        "import yaml\nyaml.load(x)\n": "used",
        "import yaml as y\ny.safe_dump(x)\n": "imported",
        "import json\n": "not-imported",
    }
    for text, reach in cases.items():
        verdict = judge(of(requirements_DOT_txt=requirements, app_DOT_py=text), snapshot, TODAY).verdicts[0]
        assert verdict.reach.reach == reach
    only_tests = judge(of(requirements_DOT_txt=requirements, app_DOT_py="x = 1\n", tests__test_x_DOT_py="import yaml\n"), snapshot, TODAY)
    assert only_tests.verdicts[0].reach.reach == "tests-only"
    assert judge(of(requirements_DOT_txt=requirements), snapshot, TODAY).verdicts[0].reach.reach == "unknown"


def test_what_is_exploited_comes_first(snapshot, tmp_path):
    kev = tmp_path / "kev.json"
    kev.write_text('{"vulnerabilities": [{"cveID": "CVE-2020-1"}]}')
    epss = tmp_path / "epss.csv"
    epss.write_text("#model\ncve,epss,percentile\nCVE-2020-9,0.5,0.9\n")
    urgency = Urgency(kev=read_kev(kev), epss=read_epss(epss))
    report = judge(of(requirements_DOT_txt="pyyaml==5.3\n", app_DOT_py="import yaml\nyaml.load(x)\n"), snapshot, TODAY, urgency)
    assert report.verdicts[0].exploited
    assert report.verdicts[0].score == 1.0
    kev.write_text("[]")
    with pytest.raises(SnapshotError):
        read_kev(kev)
    epss.write_text("a,b\n1,2\n")
    with pytest.raises(SnapshotError):
        read_epss(epss)


def test_the_smallest_upgrade_is_one_that_no_advisory_hits(snapshot):
    tree = of(requirements_DOT_txt="flask==2.0\npyyaml==5.3  # why\n")
    steps = upgrades(judge(tree, snapshot, TODAY), snapshot)
    assert [(each.dependency.name, each.to, each.state) for each in steps] == [("pyyaml", "5.4.1", "ready")]
    changed = applied(tree, steps)
    assert changed == {"requirements.txt": b"flask==2.0\npyyaml==5.4.1  # why\n"}
    assert judge(tree.replaced(changed), snapshot, TODAY).verdicts == ()


def test_an_upgrade_against_another_files_bounds_is_a_conflict(snapshot):
    tree = of(requirements_DOT_txt="pyyaml==5.3\n", pyproject_DOT_toml='[project]\ndependencies=["pyyaml<5.4"]\n')
    steps = upgrades(judge(tree, snapshot, TODAY), snapshot)
    assert steps[0].state == "conflict"
    assert applied(tree, steps) == {}


def test_a_line_with_hashes_waits_for_an_installer(snapshot):
    tree = of(requirements_DOT_txt="pyyaml==5.3 --hash=sha256:00\n")
    assert upgrades(judge(tree, snapshot, TODAY), snapshot)[0].state == "needs-lock"


def test_the_bill_of_materials_fits_its_schema(snapshot):
    resources = pytest.importorskip("cyclonedx.schema")
    folder = Path(resources.__file__).parent / "_res"
    schemas = {name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text()) for name in ("bom-1.6", "spdx", "jsf-0.82")}
    registry = jsonschema_rs.Registry(
        [(f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", schemas[name]) for name in ("spdx", "jsf-0.82")]
    )
    validator = jsonschema_rs.validator_for(schemas["bom-1.6"], registry=registry)
    package_lock = json.dumps(
        {"packages": {"": {}, "node_modules/lodash": {"version": "4.17.20"}, "node_modules/@a/b": {"version": "1.0.0"}}}
    ).encode()
    tree = of(requirements_DOT_txt="pyyaml==5.3\n", app_DOT_py="import json\n").replaced({"package-lock.json": package_lock})
    bill = document(judge(tree, snapshot, TODAY), name="t", at="2026-11-01T00:00:00Z")
    validator.validate(bill)
    assert bill == document(judge(tree, snapshot, TODAY), name="t", at="2026-11-01T00:00:00Z")
    states = {each["id"]: each["analysis"]["state"] for each in bill["vulnerabilities"]}
    assert states == {"PYSEC-1": "in_triage", "GHSA-3": "in_triage"}
    assert not validator.is_valid(bill | {"specVersion": 1})
    assert msgspec.json.encode(bill)


@pytest.mark.parametrize(
    ("less", "more"), [("1.0.0", "1.0.1"), ("1.0.0-alpha", "1.0.0"), ("1.0.0-2", "1.0.0-10"), ("1.0.0-1", "1.0.0-a"), ("v1.2", "1.10.0")]
)
def test_semantic_versions_are_in_order(less, more):
    assert key("npm", less) < key("npm", more)


@given(st.text(max_size=30))
def test_any_version_has_an_order_or_none(text):
    key("npm", text)
    key("PyPI", text)
