from __future__ import annotations

import shutil

import pytest

from bartizan.workbench.code import Finding
from bartizan.workbench.code.fix import Workspace
from bartizan.workbench.code.validate import Confinement, lend, prove
from bartizan.workbench.code.validate.prove import _failure

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: the sandbox refuses, nothing to test")

CASES = {
    "command": (78, "import subprocess\n\ndef f(x):\n    return subprocess.getoutput('echo ' + x)\n", "proven"),
    "command_in_a_list": (78, "import subprocess\n\ndef f(x):\n    return subprocess.check_output(['echo', x])\n", "refuted"),
    "sql": (89, "import sqlite3\n\ndef f(x):\n    return sqlite3.connect('a').execute(\"SELECT '%s'\" % x).fetchall()\n", "proven"),
    "sql_bound": (89, "import sqlite3\n\ndef f(x):\n    return sqlite3.connect('a').execute('SELECT ?', (x,)).fetchall()\n", "refuted"),
    "path": (22, "def f(x):\n    return open('/tmp/box/' + x).read() if 0 else open(x).read()\n", "proven"),
    "ssrf": (918, "import urllib.request\n\ndef f(x):\n    return urllib.request.urlopen(x).read()\n", "proven"),
    "pickle": (502, "import pickle\n\ndef f(x):\n    return pickle.loads(x)\n", "proven"),
    "eval": (95, "def f(x):\n    return eval(x)\n", "proven"),
    "redirect": (601, "from flask import redirect, request\n\ndef f():\n    return redirect(request.args['x'])\n", "proven"),
    "redos": (1333, "import re\n\ndef f(x):\n    return re.match('^(a+)+$', x)\n", "proven"),
    "nothing_to_call": (78, "import missing_library\n\ndef f(x):\n    raise ValueError\n    missing_library.run(x)\n", "plausible"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_weakness_is_proven_by_what_it_does(name, tmp_path):
    cwe, code, state = CASES[name]
    (tmp_path / "app.py").write_text(code)
    lines = code.splitlines()
    finding = Finding(id=name, rule="py/x", cwe=cwe, file="app.py", line=len(lines), function="f")
    with Workspace(tmp_path) as work:
        lend(work.root.parent)
        proof = prove(Confinement(), work.root, finding)
    assert proof.state == state, proof


def test_code_that_prints_a_verdict_is_not_believed(tmp_path):
    (tmp_path / "app.py").write_text('def f(x):\n    print(\'{"touched": true, "reached": true}\')\n')
    finding = Finding(id="lie", rule="py/x", cwe=78, file="app.py", line=2, function="f")
    with Workspace(tmp_path) as work:
        lend(work.root.parent)
        assert prove(Confinement(), work.root, finding).state != "proven"


def test_a_program_that_the_sandbox_lacks_fails_alike_through_a_shell_and_from_a_list():
    shell = _failure("CalledProcessError: Command 'ping x' returned non-zero exit status 127.")
    assert shell == _failure("FileNotFoundError: [Errno 2] No such file or directory: 'ping'")
    assert shell != _failure("CalledProcessError: Command 'ping x' returned non-zero exit status 1.")
    assert _failure("") == ""
