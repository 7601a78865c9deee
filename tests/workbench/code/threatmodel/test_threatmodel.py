import pytest

from bartizan.workbench.code import Finding
from bartizan.workbench.code.repo import File, Tree
from bartizan.workbench.code.threatmodel import build, exposure, markdown, stride

FLASK = """from flask import Flask
import sqlite3
import requests
import os
app = Flask(__name__)

@app.route("/open", methods=["POST"])
def open_():
    return os.environ["API_TOKEN"]

@app.get("/closed")
@login_required
def closed():
    return ""

# @app.route("/commented")
"""


def of(**files):
    contents = {name.replace("_DOT_", ".").replace("__", "/"): text.encode() for name, text in files.items()}
    return Tree({p: File(path=p, size=len(d)) for p, d in contents.items()}, (), lambda f: contents[f.path], name="shop")


def test_ways_in_stores_calls_and_secrets_are_read_off_the_source():
    model = build(of(app_DOT_py=FLASK))
    assert [(e.method, e.path, e.function, e.guard) for e in model.entries] == [
        ("ANY", "/open", "open_", ""),
        ("GET", "/closed", "closed", "login_required"),
    ]
    assert [place.name for place in model.stores] == ["relational database"]
    assert [place.name for place in model.calls] == ["HTTP services"]
    assert [place.name for place in model.secrets] == ["API_TOKEN"]
    assert [boundary.name for boundary in model.boundaries] == [
        "clients to application",
        "application to relational database",
        "application to HTTP services",
    ]


@pytest.mark.parametrize(
    ("name", "text", "entry"),
    [
        ("urls.py", "urlpatterns = [\n path('shop/<int:id>', views.shop, name='x'),\n]", ("web", "ANY", "shop/<int:id>", "shop")),
        ("a.js", "router.post('/in', isLoggedIn, users.create);", ("web", "POST", "/in", "create")),
        ("A.java", '@GetMapping("/x")\npublic String show(Model m) {', ("web", "GETMAPPING", "/x", "show")),
        ("a.go", 'http.HandleFunc("/x", show)', ("web", "HANDLEFUNC", "/x", "show")),
        ("cli.py", "@click.command()\ndef run():\n  pass", ("cli", "COMMAND", "", "run")),
        ("t.py", "@shared_task\ndef send():\n  pass", ("queue", "SHARED_TASK", "", "send")),
        ("s.py", "class H:\n    def do_GET(self):\n        pass", ("web", "GET", "", "")),
    ],
)
def test_frameworks(name, text, entry):
    contents = {name: text.encode()}
    tree = Tree({name: File(path=name, size=len(text))}, (), lambda f: contents[f.path], name="t")
    (found,) = build(tree).entries
    assert (found.kind, found.method, found.path, found.function) == entry


def finding(**rest):
    return Finding(**({"id": "i", "rule": "r", "cwe": 89, "file": "app.py", "line": 1} | rest))


def test_exposure_ranks_open_web_entries_over_guarded_ones_scripts_and_tests():
    weigh = exposure(
        build(of(app_DOT_py=FLASK, safe_DOT_py='@app.route("/x")\n@login_required\ndef x(): pass\n', db_DOT_py="import sqlite3\n"))
    )
    order = [
        weigh(finding(source_kind="web")),
        weigh(finding(source_kind="web", file="safe.py")),
        weigh(finding(source_kind="cli", file="db.py")),
        weigh(finding(source_kind="cli", file="scripts/db.py")),
        weigh(finding(source_kind="web", file="tests/test_x.py")),
    ]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) == 5


def test_a_query_counts_less_where_there_is_no_store():
    with_store, without = exposure(build(of(app_DOT_py=FLASK))), exposure(build(of(a_DOT_py="x = 1\n")))
    assert with_store(finding(source_kind="web")) == 2 * without(finding(source_kind="web"))


def test_weaknesses_are_threats():
    assert stride(finding(cwe=117)) == ("repudiation",)
    assert stride(finding(cwe=0)) == ()


def test_what_the_source_says_is_no_markup_in_the_model():
    hostile = '@app.route("/|<script>`[x](javascript:1)")\ndef f():\n    pass\n'
    text = markdown(build(of(a_DOT_py=hostile)))
    row = next(line for line in text.splitlines() if "script" in line)
    assert row.count("|") == 7
    assert row.count("`") % 2 == 0
    assert "`/¦<script>'[x](javascript:1)`" in row
