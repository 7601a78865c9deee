"""Documents say what is so: the layer diagram, the five files, the links."""

import tomllib
from pathlib import Path

import re2

ROOT = Path(__file__).parent.parent


def layers():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(contract["layers"] for contract in contracts if contract["id"] == "layers")


def diagram():
    """Draw the contract's layers, leaving out those that are optional and not there yet."""
    rows = []
    for layer in layers():
        rooms = [room.strip() for room in layer.split("|")]
        there = [room.strip("()") for room in rooms if not room.startswith("(")]
        if there:
            rows.append(" | ".join(there))
    width = max(map(len, rows)) + 4
    lines = ["```text", "+" + "-" * width + "+"]
    for row in rows:
        lines += ["|" + row.center(width) + "|"]
    return "\n".join([*lines, "+" + "-" * width + "+", "```"])


def test_the_layer_diagram_is_the_contract():
    text = (ROOT / "docs/architecture.md").read_text()
    begin, end = "<!-- layers: begin -->\n", "<!-- layers: end -->"
    drawn = text[text.index(begin) + len(begin) : text.index(end)].strip()
    assert drawn == diagram()


def test_an_optional_layer_is_not_there_yet():
    for layer in layers():
        for room in layer.split("|"):
            name = room.strip()
            exists = (ROOT / "src/bartizan" / name.strip("()")).exists() or (ROOT / "src/bartizan" / f"{name.strip('()')}.py").exists()
            assert exists != name.startswith("("), name


def test_every_file_and_name_that_architecture_points_to_exists():
    text = (ROOT / "docs/architecture.md").read_text()
    files = re2.findall(r"`(src/bartizan/[a-z_/]+\.py)`", text)
    assert len(files) == 5
    for file in files:
        assert (ROOT / file).exists(), file


def test_links_between_documents_lead_somewhere():
    for path in [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "design").glob("*.md")]:
        for target in re2.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
