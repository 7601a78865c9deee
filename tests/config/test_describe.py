from pathlib import Path

from bartizan.config.describe import describe

DOCUMENT = Path(__file__).parents[2] / "docs/configuration.md"


def test_the_reference_in_docs_is_what_the_code_says():
    assert DOCUMENT.read_text().endswith(describe())


def test_every_section_has_its_settings():
    text = describe()
    for section in ("gateway", "console", "upstreams.NAME", "limits.TIER", "guard", "ledger", "retention"):
        assert f"## `[{section}]`" in text
