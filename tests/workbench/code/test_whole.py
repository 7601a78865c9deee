import pytest

from bartizan.workbench.code import whole
from bartizan.workbench.code.repo import Change, File, Opened, Span, Tree

JS = b"const a = 1;\napp.get('/', (req, res) => { eval(req.query.x) })\n"
PY = b"import os\nfrom flask import request\n\ndef f():\n    os.system(request.args['x'])\n"


def of(contents):
    return Tree({p: File(path=p, size=len(d)) for p, d in contents.items()}, (), lambda f: contents[f.path], name="t")


TREE = of({"a.js": JS, "b.py": PY, ".github/workflows/a.yml": b"on: push\npermissions: write-all\n"})


def test_one_look_covers_every_language_and_workflow():
    found = {(f.file, f.cwe) for f in whole.scan(Opened(tree=TREE)).findings}
    assert found >= {("a.js", 95), ("b.py", 78), (".github/workflows/a.yml", 250)}


def test_of_a_change_only_what_it_touches_is_told():
    change = Change(path="b.py", before="b.py", spans=(Span(first=5, last=5),))
    found = whole.scan(Opened(tree=TREE, changes=(change,), before=TREE)).findings
    assert {f.file for f in found} == {"b.py"}
    aside = Change(path="b.py", before="b.py", spans=(Span(first=1, last=1),))
    assert whole.scan(Opened(tree=TREE, changes=(aside,), before=TREE)).findings == ()


def test_a_change_at_the_source_touches_a_finding_whose_sink_is_in_another_file():
    dao = b"exports.find = (t) => { db.query(`SELECT a FROM b WHERE c='${t}'`) }\n"
    app = b"const d = require('./dao');\napp.get('/', (req, res) => d.find(req.query.q));\n"
    change = Change(path="app.js", before="app.js", spans=(Span(first=2, last=2),))
    tree = of({"dao.js": dao, "app.js": app})
    assert [f.file for f in whole.scan(Opened(tree=tree, changes=(change,), before=tree)).findings] == ["dao.js"]


@pytest.mark.parametrize("part", whole.PARTS)
def test_parts_can_be_asked_for_alone(part):
    assert whole.scan(Opened(tree=TREE), (part,)).cpu_s >= 0
