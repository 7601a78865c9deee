from bartizan.workbench.code import Finding, Step, exports
from bartizan.workbench.code.fusion import Dropped

HOSTILE = Finding(
    id="i",
    rule="<img src=x>",
    cwe=79,
    file="a`|b.py",
    line=1,
    severity="critical",
    message="<script>alert(1)</script> `x` | y",
    flow=(Step(file="a.py", line=1, text="</pre><script>1</script>", why="<b>"), Step(file="a.py", line=2, text="`", why="x")),
    evidence=("<i>",),
    tool="</style>",
)


def test_nothing_of_a_finding_acts_in_the_page():
    page = exports.html(exports.ranked([HOSTILE]), [Dropped(finding=HOSTILE, why="test", reason="<u>")])
    for piece in ("<img src=x>", "<script>", "<b>", "<i>", "<u>", "</style>\n <"):
        assert piece not in page
    assert "default-src 'none'" in page
    assert page.count("</style>") == 1


def test_markdown_keeps_text_of_others_as_code():
    text = exports.markdown(exports.ranked([HOSTILE]), [Dropped(finding=HOSTILE, why="test", reason="r")])
    assert "Dropped: 1 test." in text
    assert all(line.count("`") % 2 == 0 for line in text.splitlines())
    plain = "".join(part for number, part in enumerate(text.split("`")) if number % 2 == 0)
    assert "<" not in plain
