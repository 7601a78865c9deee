import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.workbench.code.languages import scan
from bartizan.workbench.code.languages.costly import costly
from bartizan.workbench.code.languages.pattern import explosive
from bartizan.workbench.code.languages.rules import table
from bartizan.workbench.code.repo import File, Tree


def tree(**files):
    contents = {name.replace("__", "/").replace("_DOT_", "."): text.encode() for name, text in files.items()}
    return of(contents)


def of(contents):
    return Tree({path: File(path=path, size=len(data)) for path, data in contents.items()}, (), lambda file: contents[file.path], name="t")


def found(source, name="a.js", **others):
    contents = {name: source.encode()} | {path.replace("_DOT_", "."): text.encode() for path, text in others.items()}
    return [(finding.rule.partition("/")[2], finding.line) for finding in scan(of(contents)).findings]


HANDLER = "const cp = require('child_process');\napp.get('/', (req, res) => {\n%s\n});\n"


@pytest.mark.parametrize("language", ["javascript", "java", "go"])
def test_shipped_rules_load(language):
    assert table(language).rules.sinks


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("cp.exec('ls ' + req.query.d)", "command-injection"),
        ("const { d } = req.query; cp.exec(`ls ${d}`)", "command-injection"),
        ('db.query("SELECT * FROM t WHERE a=\'" + req.body.a + "\'")', "sql-injection"),
        ("eval(req.body.x)", "code-injection"),
        ("res.redirect(req.query.to)", "open-redirect"),
        ("res.send('<b>' + req.query.x)", "xss"),
        ("require('fs').readFile(require('path').join('/a', req.params.f))", "path-traversal"),
        ("require('axios').get(req.query.u)", "ssrf"),
        ("require('node-serialize').unserialize(req.cookies.c)", "deserialisation"),
        ("/^(a+)+$/.test(req.query.x)", "redos"),
        ("let s = ''; for (const k of [req.query.x]) { s += k } eval(s)", "code-injection"),
        ("[req.query.x].forEach(v => eval(v))", "code-injection"),
        ("function run(c) { return eval(c) } run(req.query.x)", "code-injection"),
        ("try { risky() } catch (e) { return res.send('no') } eval(req.query.x)", "code-injection"),
    ],
)
def test_data_of_a_request_in_a_sink_is_found(body, rule):
    assert (rule, 3) in found(HANDLER % body)


@pytest.mark.parametrize(
    "body",
    [
        "cp.exec('ls ' + parseInt(req.query.d))",
        "cp.exec('ls -l')",
        "db.query('SELECT * FROM t WHERE a=?', [req.body.a])",
        "res.redirect('/user/' + req.query.id)",
        "res.send(escapeHtml(req.query.x))",
        "res.json(req.query)",
        "if (!ALLOWED.includes(req.query.x)) { return res.send('no') }\neval(req.query.x)",
        "const x = req.query.x; if (!/^[a-z]+$/.test(x)) return; eval(x)",
        "let x = req.query.x; x = 'fixed'; eval(x)",
        "const x = req.query.x; if (typeof x !== 'number') { throw 1 } eval(x)",
        "require('fs').readFile('/a/' + require('path').basename(req.params.f))",
        "require('axios').get('https://api.example.org/u/' + req.query.u)",
        "/^[a-z]+$/.test(req.query.x)",
        "eval(req.query.x.length)",
    ],
)
def test_what_was_made_harmless_is_not_found(body):
    assert found(HANDLER % body) == []


def test_data_is_followed_into_another_file():
    dao = "function Dao(db) { this.find = (t) => {\n db.query(`SELECT * FROM x WHERE a='${t}'`) } }\nmodule.exports = { Dao };\n"
    app = "const Dao = require('./dao').Dao;\nconst dao = new Dao(db);\nrouter.get('/', (req, res) => dao.find(req.query.q));\n"
    findings = scan(of({"dao.js": dao.encode(), "app.js": app.encode()})).findings
    assert [(f.file, f.line, f.cwe) for f in findings] == [("dao.js", 2, 89)]
    assert findings[0].flow[0].file == "app.js"


def test_a_template_that_does_not_escape_shows_what_it_was_given():
    app = "app.get('/', (req, res) => { res.render('page', { q: req.query.q, ok: 1 }) })\n"
    contents = {"app.js": app.encode(), "views/page.ejs": b"<p><%- q %></p>\n<p><%= q %></p>\n<%- include('x') %>\n"}
    findings = scan(of(contents)).findings
    assert [(f.file, f.line, f.cwe) for f in findings] == [("views/page.ejs", 1, 79)]
    assert findings[0].flow[0].file == "app.js"


def test_what_is_put_into_a_session_comes_back_out_of_it():
    source = (
        "app.get('/show', (req, res) => { db.query('SELECT a FROM b WHERE n=' + req.session.name) })\n"
        "app.post('/in', (req, res) => { req.session.name = req.body.name })\n"
    )
    assert ("sql-injection", 1) in found(source)


def test_objects_in_queries_matter_only_where_bodies_can_hold_them():
    source = "const m = require('mongodb'); const e = require('express');\n%s\napp.post('/', (req, res) => { users.findOne({ n: req.body.n }) })\n"  # noqa: E501
    assert ("nosql-injection", 3) in found(source % "app.use(express.json())")
    assert found(source % "app.use(bodyParser.urlencoded({ extended: false }))") == []


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("const dbPassword = 'hunter2-of-the-day';", "hard-coded-secret"),
        ("const c = { url: 'postgres://app:s3cr3tpw@db.internal/x' };", "hard-coded-secret"),
        ("const crypto = require('crypto');\ncrypto.createHash('md5').update(x)", "weak-hash"),
        ("const resetToken = Math.random().toString(36);", "weak-random"),
        ("const a = { rejectUnauthorized: false };", "tls-unchecked"),
        ("const jwt = require('jsonwebtoken');\njwt.sign({}, 'some-fixed-key')", "hard-coded-secret"),
    ],
)
def test_a_line_alone_can_be_wrong(source, rule):
    assert rule in [name for name, _ in found(source)]


@pytest.mark.parametrize(
    "source", ["const password = process.env.PW;", "const label = { password: 'Password' };", "const x = Math.random();"]
)
def test_a_line_alone_can_be_right(source):
    assert found(source) == []


JAVA = "class A extends HttpServlet {\n public void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {\n%s\n}}\n"  # noqa: E501


def test_java_is_followed_through_builders_and_helpers():
    body = 'String p = request.getParameter("x"); StringBuilder b = new StringBuilder("ls "); b.append(p); Runtime.getRuntime().exec(b.toString());'  # noqa: E501
    assert ("command-injection", 3) in found(JAVA % body, "A.java")
    helper = "class H { static String same(String s) { return s; } }"
    body = 'String p = H.same(request.getParameter("x"));\nstatement.executeQuery("SELECT * FROM t WHERE a=\'" + p + "\'");'
    assert ("sql-injection", 4) in found(JAVA % body, "A.java", H_DOT_java=helper)


def test_java_that_is_parsed_to_a_number_is_harmless():
    body = 'int p = Integer.parseInt(request.getParameter("x")); statement.executeQuery("SELECT * FROM t WHERE a=" + p);'
    assert found(JAVA % body, "A.java") == []


GO = 'package main\nimport (\n"net/http"\n"os/exec"\n"fmt"\n)\nfunc h(w http.ResponseWriter, r *http.Request) {\n%s\n}\n'


def test_go_is_followed():
    assert ("command-injection", 8) in found(GO % 'exec.Command("sh", "-c", r.FormValue("c")).Run()', "a.go")
    assert ("sql-injection", 8) in found(GO % 'db.Query(fmt.Sprintf("SELECT * FROM t WHERE a=\'%s\'", r.URL.Query().Get("a")))', "a.go")
    assert ("xss", 8) in found(GO % 'fmt.Fprintf(w, "<b>%s</b>", r.FormValue("x"))', "a.go")
    assert found(GO % 'n, _ := strconv.Atoi(r.FormValue("x")); fmt.Fprintf(w, "%d", n)', "a.go") == []


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "([0-9]+)+#", "(a*)*", "(a|a)*$", "(\\w+\\s?)*", "^(([a-z])+.)+[A-Z]([a-z])+$", "((a{1,})b?)+"]
)
def test_patterns_that_explode(pattern):
    assert explosive(pattern)


@pytest.mark.parametrize("pattern", ["a+", "(a+,)*", "[a-z]+@[a-z]+", "(abc)+", "(\\d{3}-)+", "(a+)", "([a-z]+/)+x", "(?:foo|bar)*"])
def test_patterns_that_do_not(pattern):
    assert not explosive(pattern)


def test_what_is_not_scanned_is_told():
    big = "x = 1;" * 1000
    got = scan(of({"vendor/a.js": b"x", "b.min.js": b"x", "c.js": big.encode(), "d.js": b"\xff\xfe", "e.js": b"function ( {{{ ;"}))
    assert {note.file for note in got.notes} == {"vendor/a.js", "b.min.js", "c.js", "d.js", "e.js"}
    assert got.coverage.failed == 4
    assert got.coverage.partial == 1


def test_modules_that_import_each_other_end():
    got = scan(
        of(
            {
                "a.js": b"const b = require('./b'); b.f(); exports.g = () => b.f()",
                "b.js": b"const a = require('./a'); exports.f = () => a.g()",
            }
        )
    )
    assert got.coverage.parsed == 2


@pytest.mark.parametrize(
    "source",
    [
        "(" * 3000 + ")" * 3000,
        "[" * 2000,
        "a" + "+a" * 3000,
        "if(a){" * 800,
        "f(" * 800,
        "`${" * 800,
        "x=>" * 500 + "x",
        "a" + ".b()" * 2500,
    ],
    ids=["parens", "brackets", "sum", "ifs", "calls", "templates", "arrows", "chain"],
)
def test_deep_sources_end_within_their_budget(source):
    text = "\n".join(source[at : at + 900] for at in range(0, len(source), 900))
    scan(of({"a.js": text.encode(), "a.go": text.encode(), "A.java": text.encode()}))


@settings(max_examples=12, deadline=None)
@given(st.text(alphabet="abreq.query=(){}[];`${}'\"+,=>\n function/*", max_size=120))
def test_any_source_is_read(source):
    scan(of({"a.js": source.encode(), "A.java": source.encode(), "a.go": source.encode()}))


def test_a_file_that_a_grammar_takes_too_long_over_is_left_out_and_told():
    nonsense = "x=>\n" * 4000
    assert costly({"a": b"class A {}", "b": nonsense.encode(), "c": b"class C {}"}, "java", 0.3) == {"b"}
