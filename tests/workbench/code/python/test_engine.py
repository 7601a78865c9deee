"""What the engine follows, feature by feature: the first of each pair is found, the second is not."""

import pytest

from bartizan.workbench.code.python import scan

HEAD = "import os\nfrom flask import Flask, request, abort\napp = Flask(__name__)\n"


def commands(tmp_path, body, **others):
    for name, text in others.items():
        (tmp_path / f"{name}.py").write_text(text)
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    (tmp_path / "main.py").write_text(f"{HEAD}@app.route('/x')\ndef x():\n    q = request.args['q']\n{lines}\n")
    return [one.line for one in scan(tmp_path).findings if one.sink_kind == "command" and one.source_kind == "web"]


FOLLOWED = {
    "plain": "os.system(q)",
    "concatenation": "os.system('ls ' + q)",
    "f-string": "os.system(f'ls {q}')",
    "percent": "os.system('ls %s' % q)",
    "format": "os.system('ls {}'.format(q))",
    "join": "os.system(' '.join(['ls', q]))",
    "augmented": "c = 'ls '\nc += q\nos.system(c)",
    "list element": "c = ['a', q]\nos.system(c[1])",
    "popped": "c = ['a']\nc.append(q)\nc.pop(0)\nos.system(c[0])",
    "dictionary": "d = {'a': 'b', 'c': q}\nos.system(d['c'])",
    "dictionary of pairs": "d = dict((k, v.strip()) for k, v in [('a', q)])\nos.system(d['a'].lower())",
    "unpacked": "a, b = 'x', q\nos.system(b)",
    "star": "a, *b = ['x', q]\nos.system(b[0])",
    "loop": "for one in [q]:\n    os.system(one)",
    "while": "while True:\n    os.system(q)\n    break",
    "comprehension": "os.system(''.join(c for c in q))",
    "conditional": "os.system(q if len(q) > 3 else 'ls')",
    "walrus": "if (c := q):\n    os.system(c)",
    "with": "with open('x') as f:\n    os.system(q)",
    "handler": "try:\n    c = q\n    int(c)\nexcept ValueError:\n    os.system(c)",
    "finally": "try:\n    pass\nfinally:\n    os.system(q)",
    "lambda": "f = lambda a: os.system(a)\nf(q)",
    "closure": "def inner():\n    os.system(q)\ninner()",
    "inner function": "def inner(a):\n    return 'ls ' + a\nos.system(inner(q))",
    "keyword": "def inner(a=None, b=None):\n    os.system(b)\ninner(b=q)",
    "arguments": "def inner(*a, **k):\n    os.system(a[0])\ninner(q)",
    "keywords": "def inner(**k):\n    os.system(k['b'])\ninner(b=q)",
    "map": "list(map(os.system, [q]))\nos.system(q)",
    "object": "class A:\n    def __init__(self, v):\n        self.v = v\n    def run(self):\n        os.system(self.v)\nA(q).run()",
    "inherited": "class A:\n    def run(self, v):\n        os.system(v)\nclass B(A):\n    pass\nB().run(q)",
    "property": "class A:\n    def __init__(self, v):\n        self._v = v\n    @property\n"
    "    def v(self):\n        return self._v\nos.system(A(q).v)",
    "generator": "def inner(a):\n    yield a\nfor one in inner(q):\n    os.system(one)",
    "match": "match q:\n    case 'a':\n        pass\n    case other:\n        os.system(other)",
    "recursion": "def inner(a, n):\n    return a if n == 0 else inner(a, n - 1)\nos.system(inner(q, 3))",
    "decoded": "import base64\nos.system(base64.b64decode(base64.b64encode(q.encode())).decode())",
    "buffer": "import io\nb = io.StringIO()\nb.write(q)\nos.system(b.getvalue())",
    "thread": "import threading\nthreading.Thread(target=os.system, args=(q,)).start()\nos.system(q)",
    "shell list": "import subprocess\nsubprocess.run(['sh', '-c', 'ls ' + q])",
    "guard of another": "r = request.args['r']\nif r.isdigit():\n    os.system(q)",
    "guard not left": "if not q.isdigit():\n    print('bad')\nos.system(q)",
}
LEFT_ALONE = {
    "other element": "c = ['a', q]\nos.system(c[0])",
    "popped": "c = [q, 'b']\nc.pop(0)\nos.system(c[0])",
    "other key": "d = {'a': 'b', 'c': q}\nos.system(d['a'])",
    "overwritten": "c = q\nc = 'ls'\nos.system(c)",
    "dead branch": "c = 'ls'\nif 2 * 3 > 7:\n    c = q\nos.system(c)",
    "dead case": "match 'b':\n    case 'a':\n        c = q\n    case 'b':\n        c = 'ls'\nos.system(c)",
    "configuration": "import configparser\nc = configparser.ConfigParser()\nc.add_section('s')\n"
    "c.set('s', 'a', 'ls')\nc.set('s', 'b', q)\nos.system(c.get('s', 'a'))",
    "allow-list": "if q in ('a', 'b'):\n    os.system(q)",
    "allow-list left": "if q not in {'a', 'b'}:\n    return 'no'\nos.system(q)",
    "abort": "if not q.isalnum():\n    abort(400)\nos.system(q)",
    "raise": "if not q.isdigit():\n    raise ValueError\nos.system(q)",
    "number": "os.system('kill ' + str(int(q)))",
    "pattern": "import re\nif re.fullmatch('[a-z]+', q):\n    os.system(q)",
    "quoted": "import shlex\nos.system('ls ' + shlex.quote(q))",
    "own check": "def ok(a):\n    return a in ('a', 'b')\nif ok(q):\n    os.system(q)",
    "own validator": "def check(a):\n    if a not in ('a', 'b'):\n        raise ValueError\ncheck(q)\nos.system(q)",
    "every letter": "if all(c.isalnum() for c in q):\n    os.system(q)",
    "equal": "if q == 'ls':\n    os.system(q)",
    "cleaned by a pattern": "import re\nos.system(re.sub('[^a-z]', '', q))",
    "chosen from a table": "os.system({'a': 'ls'}.get(q, 'pwd'))",
    "list of arguments": "import subprocess\nsubprocess.run(['ls', '--', q])",
    "default of a parameter": "def inner(a, on=False):\n    return a if on else 'ls'\nos.system(inner(q))",
}  # fmt: skip


@pytest.mark.parametrize("body", FOLLOWED.values(), ids=FOLLOWED.keys())
def test_data_is_followed(body, tmp_path):
    assert commands(tmp_path, body)


@pytest.mark.parametrize("body", LEFT_ALONE.values(), ids=LEFT_ALONE.keys())
def test_harmless_data_is_left_alone(body, tmp_path):
    assert not commands(tmp_path, body)


def test_data_crosses_files_with_every_step_told(tmp_path):
    (tmp_path / "lib.py").write_text("import os\n\ndef run(c):\n    os.system(c)\n")
    (tmp_path / "main.py").write_text(f"{HEAD}from lib import run\n@app.route('/x')\ndef x():\n    run(request.args['q'])\n")
    (found,) = [one for one in scan(tmp_path).findings if one.source_kind == "web"]
    assert (found.file, found.line, found.cwe) == ("lib.py", 4, 78)
    assert [step.file for step in found.flow] == ["main.py", "main.py", "lib.py"]


def test_modules_that_import_one_another_end(tmp_path):
    (tmp_path / "a.py").write_text("import b\ndef f(x):\n    return b.g(x)\n")
    (tmp_path / "b.py").write_text("import a\ndef g(x):\n    return a.f(x)\n")
    assert scan(tmp_path).coverage.parsed == 2


def test_what_changes_is_looked_at_again_with_those_that_import_it(tmp_path):
    tree, kept = tmp_path / "tree", tmp_path / "kept"
    tree.mkdir()
    (tree / "lib.py").write_text("def run(c):\n    print(c)\n")
    (tree / "main.py").write_text(f"{HEAD}from lib import run\n@app.route('/x')\ndef x():\n    run(request.args['q'])\n")
    (tree / "other.py").write_text("x = 1\n")
    assert scan(tree, cache=kept).reused == 0
    assert scan(tree, cache=kept).reused == 3
    (tree / "lib.py").write_text("import os\ndef run(c):\n    os.system(c)\n")
    again = scan(tree, cache=kept)
    assert again.reused == 1
    assert again.findings == scan(tree).findings
    assert [one.file for one in again.findings if one.source_kind == "web"] == ["lib.py"]


def test_ids_survive_edits_elsewhere(tmp_path):
    path = tmp_path / "main.py"
    path.write_text("import os\ndef f(q):\n    os.system(q)\n    os.system(q)\n")
    before = [one.id for one in scan(path).findings]
    path.write_text("import os\n\n# a comment\ndef f(q):\n    os.system(q)\n    os.system(q)\n")
    assert [one.id for one in scan(path).findings] == before
    assert len(set(before)) == 2


LIB = "import os\n\ndef run(c):\n    os.system(c)\n"


def crossing(root, files, how):
    """Return the files in which data of a view in ``main.py`` comes to a command in another file."""
    call, _, where = how.partition(" @ ")
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    lines = call.split("; ")
    (root / where).parent.mkdir(parents=True, exist_ok=True)
    (root / where).write_text(f"{HEAD}{lines[0]}\n@app.route('/x')\ndef x():\n    {lines[1]}(request.args['q'])\n")
    return [one.file for one in scan(root).findings if one.source_kind == "web"]


IMPORTED = {
    "src layout": ("src/pkg/lib.py", "from pkg.lib import run; run @ src/pkg/main.py"),
    "src layout, whole": ("src/pkg/lib.py", "import pkg.lib; pkg.lib.run @ src/pkg/main.py"),
    "src layout, renamed": ("src/pkg/lib.py", "import pkg.lib as l; l.run @ src/pkg/main.py"),
    "src layout, deep": ("src/pkg/a/b/lib.py", "import pkg.a.b.lib; pkg.a.b.lib.run @ src/pkg/c/main.py"),
    "from outside of it": ("backend/python/pkg/lib.py", "from pkg import lib; lib.run @ scripts/main.py"),
    "named as the root": ("lib.py", "from top.lib import run; run @ main.py"),
    "named as the root, whole": ("sub/lib.py", "import top.sub.lib; top.sub.lib.run @ other/main.py"),
    "without the root's name": ("sub/lib.py", "from sub.lib import run; run @ other/main.py"),
    "relative at the root": ("lib.py", "from . import lib; lib.run @ main.py"),
    "relative in a package": ("src/pkg/lib.py", "from ..lib import run; run @ src/pkg/c/main.py"),
    "a file beside, whole": ("src/lib.py", "import lib; lib.run @ src/main.py"),
    "a file above": ("src/lib.py", "from lib import run; run @ src/c/main.py"),
}


@pytest.mark.parametrize(("lib", "how"), IMPORTED.values(), ids=IMPORTED.keys())
def test_an_import_finds_its_file(lib, how, tmp_path):
    packages = {"src/pkg/__init__.py": "", "backend/python/pkg/__init__.py": ""}
    files = {name: text for name, text in packages.items() if lib.startswith(name.partition("/")[0])}
    if not files and not lib.startswith("src/"):
        files = {"__init__.py": ""}
    assert crossing(tmp_path / "top", {**files, lib: LIB}, how) == [lib]


NOT_IMPORTED = {
    "two of that name": ({"src/pkg/__init__.py": "", "old/pkg/__init__.py": "", "src/pkg/lib.py": LIB, "old/pkg/lib.py": LIB}, "pkg.lib"),
    "inside a package": ({"a/__init__.py": "", "a/b/__init__.py": "", "a/b/lib.py": LIB}, "b.lib"),
    "standard library": ({"src/json/__init__.py": "", "src/json/lib.py": LIB}, "json.lib"),
    "a file elsewhere": ({"tools/lib.py": LIB}, "lib"),
    "a folder elsewhere": ({"examples/flask/lib.py": LIB}, "flask.lib"),
}


@pytest.mark.parametrize(("files", "module"), NOT_IMPORTED.values(), ids=NOT_IMPORTED.keys())
def test_an_import_that_may_mean_something_else_finds_none(files, module, tmp_path):
    assert crossing(tmp_path, files, f"from {module} import run; run @ app/main.py") == []


def test_a_library_keeps_its_meaning_in_a_folder_of_its_name(tmp_path):
    assert crossing(tmp_path, {"examples/flask/lib.py": LIB}, "import os; os.system @ examples/flask/main.py") == ["examples/flask/main.py"]


def test_a_second_file_of_that_name_changes_what_is_imported(tmp_path):
    tree, kept = tmp_path / "tree", tmp_path / "kept"
    files = {"src/pkg/__init__.py": "", "src/pkg/lib.py": LIB}
    assert crossing(tree, files, "from pkg.lib import run; run @ app/main.py") == ["src/pkg/lib.py"]
    before = scan(tree, cache=kept)
    (tree / "old/pkg").mkdir(parents=True)
    (tree / "old/pkg/__init__.py").write_text("")
    (tree / "old/pkg/lib.py").write_text(LIB)
    after = scan(tree, cache=kept)
    assert after.findings == scan(tree).findings
    assert len([one for one in before.findings if one.source_kind == "web"]) == 1
    assert not [one for one in after.findings if one.source_kind == "web"]


def rescanned(tmp_path, files, changed, text):
    """Return how many files are not looked at again after one has changed; the findings must be those of a scan from nothing."""
    tree, kept = tmp_path / "tree", tmp_path / "kept"
    tree.mkdir()
    for name, body in files.items():
        (tree / name).write_text(body)
    scan(tree, cache=kept)
    (tree / changed).write_text(text)
    again = scan(tree, cache=kept)
    assert again.findings == scan(tree).findings
    assert scan(tree, cache=kept).reused == len(files)
    return again.reused


VIEW = f"{HEAD}from front import run\n@app.route('/x')\ndef x():\n    run(request.args['q'])\n"
SAFE = "def run(c):\n    print(c)\n"
CHANGES = {
    "through another": ({"lib.py": SAFE, "front.py": "from lib import run\n"}, LIB, 0),
    "through a function": ({"lib.py": SAFE, "front.py": "import lib as l\ndef run(c):\n    l.run(c)\n"}, LIB, 0),
    "through a star": ({"lib.py": SAFE, "front.py": "from lib import *\n"}, LIB, 0),
    "through a class": ({"lib.py": SAFE, "front.py": "import lib\nclass A:\n    go = lib.run\ndef run(c):\n    A.go(c)\n"}, LIB, 0),
    "a name nobody uses": ({"lib.py": SAFE, "front.py": "from lib import run\n"}, SAFE + "new_one = 1\n", 2),
    "only a comment before": ({"lib.py": "# run this (c)\n", "front.py": "import lib\n" + SAFE}, "# run this (c)\nnew_one = 1\n", 2),
    "lines above a flow": ({"lib.py": LIB, "front.py": "from lib import run\n"}, "new_one = 1\n" + LIB, 1),
    "a decorator": ({"lib.py": "def d(f):\n    return f\n" + SAFE, "front.py": "from lib import run\n"},
        "def d(f):\n    return f\n@d\n" + SAFE, 0),
    "a constant": ({"lib.py": "ON = 0\n" + LIB + "\ndef go(c):\n    run(c if ON else 'ls')\n", "front.py": "from lib import go as run\n"},
        "ON = 1\n" + LIB + "\ndef go(c):\n    run(c if ON else 'ls')\n", 0),
    "deleted names": ({"lib.py": LIB, "front.py": "from lib import run\n"}, "", 0),
    "broken": ({"lib.py": LIB, "front.py": "from lib import run\n"}, "def run(c:\n" + LIB, 0),
}  # fmt: skip


@pytest.mark.parametrize(("files", "text", "reused"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_reaches_what_depends_on_it(files, text, reused, tmp_path):
    assert rescanned(tmp_path, {**files, "main.py": VIEW}, "lib.py", text) == reused
