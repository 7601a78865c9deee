"""Every format becomes text with its place; whatever is malformed becomes a typed failure."""

import gzip
import io
import zipfile

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.bench.intel_corpus import docx, mail, pdf
from bartizan.workbench.intel.caps import Caps
from bartizan.workbench.intel.document import Document
from bartizan.workbench.intel.parse import parse


def packed(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_pages_of_a_pdf_are_where_the_map_says():
    (document,) = parse(pdf([["first page words"], ["second page words"]]), "x.pdf").documents
    assert len(document.pages) == 2
    assert document.page_of(document.text.index("first")) == 1
    assert document.page_of(document.text.index("second")) == 2


def test_plain_text_keeps_the_offsets_of_the_file():
    text = "Grüße: APT28 used 1.2.3[.]4\n\nand more\n"
    (document,) = parse(text.encode(), "x.txt").documents
    assert document.text == text


def test_files_in_files_are_reports_of_their_own():
    data = packed(
        **{"a.txt": "words of the first", "in/b.docx": docx(["words of the second"]), "c.txt.gz": gzip.compress(b"words of the third")}
    )
    found = parse(data, "x.zip")
    assert [each.name for each in found.documents] == ["x.zip/a.txt", "x.zip/in/b.docx", "x.zip/c.txt.gz/c.txt"]
    assert found.failures == ()


def test_a_name_that_leads_out_is_flagged():
    (document,) = parse(packed(**{"../../etc/passwd": "some text"}), "x.zip").documents
    assert [flag.kind for flag in document.flags] == ["unsafe_name"]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("cut.pdf", b"%PDF-1.7 nothing", "malformed_pdf"),
        ("bomb.zip", packed(**{"a.txt": bytes(60 << 20)}), "decompression_bomb"),
        ("bomb.gz", gzip.compress(bytes(60 << 20)), "decompression_bomb"),
        ("cut.gz", gzip.compress(b"words " * 100)[:30], "malformed_archive"),
        ("laughs.xml", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><rss>&b;</rss>", "xml_bomb"),
        ("cut.json", b'{"type": "bundle"', "malformed_json"),
        ("binary.dat", bytes(range(256)), "unknown_format"),
        ("none.txt", b"  \n", "empty"),
        ("cut.zip", packed(**{"a.txt": "words"})[:40], "malformed_archive"),
        ("word.docx", packed(**{"word/document.xml": "<w"}), "malformed_xml"),
    ],
)
def test_what_is_malformed_is_a_typed_failure(name, data, code):
    found = parse(data, name)
    assert found.documents == ()
    assert [failure.code for failure in found.failures] == [code]
    assert name in found.failures[0].message


def test_caps_on_pages_are_kept_and_told():
    (document,) = parse(pdf([["one"], ["two"], ["three"]]), "x.pdf", Caps(pages=2)).documents
    assert len(document.pages) == 2
    assert [flag.kind for flag in document.flags] == ["truncated"]


def test_a_mail_shows_what_its_reader_sees():
    (document,) = parse(mail(["What is shown."], "A subject", "quite other words than those that anybody sees here"), "x.eml").documents
    assert "What is shown." in document.text
    assert "quite other" not in document.text
    assert [flag.kind for flag in document.flags] == ["hidden_text"]


def test_structured_formats_declare_their_indicators():
    bundle = {
        "type": "bundle",
        "objects": [{"type": "indicator", "pattern": "[ipv4-addr:value = '198.51.100.7'] AND [file:hashes.MD5 = '" + "a" * 32 + "']"}],
    }
    event = {"Event": {"info": "x", "Tag": [{"name": "tlp:green"}], "Attribute": [{"type": "filename|md5", "value": "a.exe|" + "b" * 32}]}}
    (stix,) = parse(msgspec.json.encode(bundle), "a.json").documents
    (misp,) = parse(msgspec.json.encode(event), "b.json").documents
    for document, kinds in ((stix, ["ipv4", "md5"]), (misp, ["filename", "md5"])):
        assert [item.kind for item in document.declared] == kinds
        assert all(document.text[item.start : item.end] == item.value for item in document.declared)
    assert misp.tlp == "green"


def test_the_strictest_level_that_a_text_states_counts():
    (document,) = parse(b"TLP:CLEAR summary\nTLP:AMBER+STRICT details", "x.txt").documents
    assert document.tlp == "amber+strict"


def test_evidence_text_keeps_offsets():
    document = Document(id="", name="", media="", title="", text="abcdef", masked=((2, 4),))
    assert document.evidence_text() == "ab\n\nef"


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=400), name=st.sampled_from(["x.pdf", "x.html", "x.eml", "x.json", "x.xml", "x.zip", "x.gz", "x.md", "x.csv"])
)
def test_bytes_never_raise_and_pages_ascend(data, name):
    found = parse(data, name)
    assert found.documents or found.failures
    for document in found.documents:
        assert document.pages[0] == 0
        assert list(document.pages) == sorted(document.pages)
        document.text.encode()
