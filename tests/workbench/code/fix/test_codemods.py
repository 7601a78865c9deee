# ruff: noqa: E501, ISC004 - programs in one string
from __future__ import annotations

import ast
import difflib

import pytest

from bartizan.workbench.code.fix.codemod import Declined, Mended, Site, mend
from bartizan.workbench.code.fix.registry import CODEMODS

CASES = {
    "command_f_string": (
        78,
        'import subprocess\n\ndef f(host):\n    subprocess.run(f"ping -c 1 {host}", shell=True, check=True)  # go\n',
        'import subprocess\n\ndef f(host):\n    subprocess.run(["ping", "-c", "1", str(host)], check=True)  # go\n',
    ),
    "command_os_system": (
        78,
        'import os\n\ndef f(name):\n    return os.system("id " + name)\n',
        'import os\nimport subprocess\n\ndef f(name):\n    return subprocess.call(["id", str(name)])\n',
    ),
    "sql_qmark": (
        89,
        "import sqlite3\n\ndef f(c, u):\n    q = f\"SELECT * FROM t WHERE u = '{u}'\"\n    c.execute(q)\n",
        'import sqlite3\n\ndef f(c, u):\n    q = "SELECT * FROM t WHERE u = ?"\n    c.execute(q, (u,))\n',
    ),
    "sql_like": (
        89,
        "import psycopg2\n\ndef f(c, u):\n    c.execute(\"SELECT * FROM t WHERE u LIKE '%%%s%%'\" % u)\n",
        'import psycopg2\n\ndef f(c, u):\n    c.execute("SELECT * FROM t WHERE u LIKE %s", (f"%{u}%",))\n',
    ),
    "sql_text": (
        89,
        'from sqlalchemy import text\n\ndef f(c, u):\n    c.execute(text("SELECT * FROM t WHERE u = {}".format(u)))\n',
        'from sqlalchemy import text\n\ndef f(c, u):\n    c.execute(text("SELECT * FROM t WHERE u = :p0"), {"p0": u})\n',
    ),
    "yaml": (
        502,
        "import yaml\n\ndef f(x):\n    return yaml.load(x, Loader=yaml.Loader)\n",
        "import yaml\n\ndef f(x):\n    return yaml.safe_load(x)\n",
    ),
    "lxml": (
        611,
        "from lxml import etree\n\ndef f(x):\n    return etree.fromstring(x)\n",
        "from lxml import etree\n\ndef f(x):\n    return etree.fromstring(x, parser=etree.XMLParser(resolve_entities=False, no_network=True))\n",
    ),
    "hash": (
        327,
        "import hashlib\n\ndef f(x):\n    return hashlib.md5(x).hexdigest()\n",
        "import hashlib\n\ndef f(x):\n    return hashlib.sha256(x).hexdigest()\n",
    ),
    "password": (
        916,
        "import hashlib\n\ndef f(password, salt):\n    return hashlib.sha1((salt + password).encode()).hexdigest()\n",
        'import hashlib\n\ndef f(password, salt):\n    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 600000).hex()\n',
    ),
    "random": (
        330,
        "import random\n\ndef f():\n    return random.choice('ab')\n",
        "import random\nimport secrets\n\ndef f():\n    return secrets.SystemRandom().choice('ab')\n",
    ),
    "tls": (
        295,
        "import requests\n\ndef f(u):\n    return requests.get(u, verify=False, timeout=3)\n",
        "import requests\n\ndef f(u):\n    return requests.get(u, timeout=3)\n",
    ),
    "tls_context": (
        295,
        "import ssl\n\ndef f():\n    c = ssl.create_default_context()\n    c.check_hostname = False\n    c.verify_mode = ssl.CERT_NONE\n    return c\n",
        "import ssl\n\ndef f():\n    c = ssl.create_default_context()\n    c.check_hostname = True\n    c.verify_mode = ssl.CERT_REQUIRED\n    return c\n",
    ),
    "jwt": (
        347,
        'import jwt\n\ndef f(t, key):\n    return jwt.decode(t, key, options={"verify_signature": False})\n',
        'import jwt\n\ndef f(t, key):\n    return jwt.decode(t, key, options={"verify_signature": True}, algorithms=["HS256"])\n',
    ),
    "cookie": (
        614,
        'def f(r):\n    r.set_cookie("a", "b", secure=False)\n',
        'def f(r):\n    r.set_cookie("a", "b", secure=True, httponly=True, samesite="Lax")\n',
    ),
    "debug": (489, "def f(app):\n    app.run(debug=True)\n", "def f(app):\n    app.run(debug=False)\n"),
    "bind": (605, 'def f(s):\n    s.bind(("0.0.0.0", 80))\n', 'def f(s):\n    s.bind(("127.0.0.1", 80))\n'),
    "mode": (732, "import os\n\ndef f(p):\n    os.chmod(p, 0o777)\n", "import os\n\ndef f(p):\n    os.chmod(p, 0o700)\n"),
    "mktemp": (
        377,
        'import tempfile\n\ndef f():\n    return tempfile.mktemp(".x")\n',
        'import tempfile\n\ndef f():\n    return tempfile.NamedTemporaryFile(suffix=".x", delete=False).name\n',
    ),
    "archive": (
        22,
        "import tarfile\n\ndef f(t):\n    t.extractall('x')\n",
        "import tarfile\n\ndef f(t):\n    t.extractall('x', filter=\"data\")\n",
    ),
    "eval": (95, "def f(x):\n    return eval(x)\n", "import ast\ndef f(x):\n    return ast.literal_eval(x)\n"),
    "secret": (
        798,
        'def f(c):\n    return c(password="hunter2")\n',
        'import os\ndef f(c):\n    return c(password=os.environ["PASSWORD"])\n',
    ),
    "path": (
        22,
        "import os\n\nBASE = '/srv'\n\ndef f(name):\n    path = os.path.join(BASE, name)\n    with open(path) as h:\n        return h.read()\n",
        "import os\nfrom pathlib import Path\n\nBASE = '/srv'\n\ndef f(name):\n    path = os.path.join(BASE, name)\n"
        "    if not Path(path).resolve().is_relative_to(Path(BASE).resolve()):\n"
        '        raise ValueError("the path leads out of its folder")\n    with open(path) as h:\n        return h.read()\n',
    ),
    "redirect": (
        601,
        "from flask import redirect, request\n\ndef f():\n    to = request.args['to']\n    return redirect(to)\n",
        "from flask import redirect, request\nfrom flask import abort\n\ndef f():\n    to = request.args['to']\n"
        '    if not to.startswith("/") or to.startswith("//") or "\\\\" in to or not to.isprintable():\n'
        "        abort(400)\n    return redirect(to)\n",
    ),
    "html": (
        79,
        "from flask import make_response\n\ndef f(n):\n    return make_response('<b>' + n + '</b>')\n",
        "from flask import make_response\nfrom markupsafe import escape\n\ndef f(n):\n    return make_response('<b>' + str(escape(n)) + '</b>')\n",
    ),
    "template": (
        1336,
        "from flask import render_template_string\n\ndef f(n):\n    return render_template_string(f'<b>{n}</b>')\n",
        "from flask import render_template_string\n\ndef f(n):\n    return render_template_string('<b>{{ n }}</b>', n=n)\n",
    ),
    "log": (
        117,
        'import logging\n\ndef f(n):\n    logging.info(f"100% {n}")\n',
        'import logging\n\ndef f(n):\n    logging.info("100%% %s", str(n).replace("\\r", "\\\\r").replace("\\n", "\\\\n"))\n',
    ),
    "ldap": (
        90,
        'import ldap\n\ndef f(c, n):\n    return c.search_s("dc=x", 2, f"(uid={n})")\n',
        'import ldap\nfrom ldap.filter import escape_filter_chars\n\ndef f(c, n):\n    return c.search_s("dc=x", 2, f"(uid={escape_filter_chars(n)})")\n',
    ),
    "xpath": (
        643,
        "from lxml import etree\n\ndef f(t, n):\n    return t.xpath(\"//u[@n='%s']/p\" % n)\n",
        'from lxml import etree\n\ndef f(t, n):\n    return t.xpath("//u[@n=$p0]/p", p0=n)\n',
    ),
    "redos": (1333, 'import re\n\nP = re.compile(r"^(a+)+$")\n', 'import re\n\nP = re.compile(r"^(a+)$")\n'),
    "pickle": (
        502,
        "import pickle\n\ndef w(n):\n    return pickle.dumps({'n': str(n)})\n\ndef r(b):\n    return pickle.loads(b)\n",
        "import pickle\nimport json\n\ndef w(n):\n    return json.dumps({'n': str(n)}).encode()\n\ndef r(b):\n    return json.loads(b)\n",
    ),
}


def fix(code: str, cwe: int) -> Mended | Declined:
    declined = []
    for line in range(code.count("\n") + 1, 0, -1):
        made = mend(code.encode(), Site(cwe=cwe, line=line, end_line=line), CODEMODS)
        if isinstance(made, Mended):
            return made
        declined.append(made)
    return min(declined, key=lambda each: "no codemod" in each.reason)


@pytest.mark.parametrize("name", CASES)
def test_a_sink_is_mended_and_nothing_else_is_touched(name):
    cwe, before, after = CASES[name]
    made = fix(before, cwe)
    assert isinstance(made, Mended), made
    assert made.data.decode() == after
    ast.parse(made.data)


@pytest.mark.parametrize("name", CASES)
def test_line_ends_comments_and_odd_blanks_elsewhere_stay(name):
    cwe, before, _ = CASES[name]
    rest = "\nclass  Odd :\n\tx=1 ;y = 2   # kept\n\n\n\nz = ( 1,\n  2 )\n"
    code = (before + rest).replace("\n", "\r\n")
    made = fix(code, cwe)
    assert isinstance(made, Mended), made
    text = made.data.decode()
    assert text.endswith(rest.replace("\n", "\r\n"))
    assert text.count("\r\n") == text.count("\n")


@pytest.mark.parametrize("name", [each for each in CASES if each not in {"path", "redirect"}])
def test_what_is_mended_stays_as_it_is(name):
    cwe, _, after = CASES[name]
    made = fix(after, cwe)
    assert isinstance(made, Declined) or not list(difflib.unified_diff(after.splitlines(), made.data.decode().splitlines())), made


@pytest.mark.parametrize(
    ("cwe", "code", "why"),
    [
        (78, 'import os\ndef f(n):\n    os.system("cat " + n + " | wc")\n', "the shell itself"),
        (78, "import os\ndef f(n):\n    os.system(n)\n", "comes from elsewhere"),
        (89, 'import sqlite3\ndef f(c, t):\n    c.execute(f"SELECT * FROM {t}")\n', "stands for a name"),
        (89, 'def f(c, t):\n    c.execute(f"SELECT * FROM x WHERE a = {t}")\n', "driver"),
        (502, "import pickle\ndef f(b):\n    return pickle.loads(b)\n", "written elsewhere"),
        (916, "import hashlib\ndef f(password):\n    return hashlib.md5(password).hexdigest()\n", "salt"),
        (1333, 'import re\nP = re.compile(r"^(a|aa)+$")\n', "by hand"),
        (347, "import jwt\ndef f(t):\n    return jwt.decode(t, verify=False)\n", "key"),
    ],
)
def test_a_codemod_that_is_not_sure_says_why(cwe, code, why):
    made = fix(code, cwe)
    assert isinstance(made, Declined)
    assert why in made.reason


@pytest.mark.parametrize(
    "data",
    [
        b"def f(:\n",
        b"\xff\xfe",
        b"(" * 100_000,
        b"x=" + b"1+" * 9_000 + b"1",
        b"if a:\n pass\n" + b"elif a:\n pass\n" * 9_000,
        b"x=" + b"a if b else " * 9_000 + b"c",
        b"x" * 2_000_000,
        b"",
        b"\0",
    ],
)
def test_what_is_no_python_is_declined(data):
    assert isinstance(mend(data, Site(cwe=78, line=1, end_line=1), CODEMODS), Declined)


def test_codemods_have_names_of_their_own_and_say_what_they_do():
    assert len({each.id for each in CODEMODS}) == len(CODEMODS)
    assert all(each.doc.endswith(".") and each.cwes for each in CODEMODS)
