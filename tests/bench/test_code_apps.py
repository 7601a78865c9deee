from bartizan.bench import code_apps
from bartizan.workbench.code import Finding, Step


def finding(line, cwe, file="a.py", flow=()):
    return Finding(id="x", rule="r", cwe=cwe, file=file, line=line, flow=flow)


HEAD = b'{"app":"a","repo":"o/a","commit":"c","language":"python","under":["a.py"]}\n'
LABELS = code_apps.read(
    HEAD
    + b'{"file":"a.py","line":10,"cwe":89,"cwes":[943],"kind":"must","note":"n"}\n'
    + b'{"file":"a.py","line":20,"cwe":79,"kind":"must","note":"n","also":[{"file":"t.html","line":3}]}\n'
    + b'{"file":"a.py","line":30,"cwe":798,"kind":"may","note":"n"}\n'
    + b'{"file":"a.py","line":40,"cwe":639,"kind":"logic","note":"n"}\n',
    "labels",
)


def test_shipped_labels_name_a_repository_and_a_commit():
    shipped = code_apps.shipped()
    assert len({each.app.app for each in shipped}) == len(shipped) >= 5
    for each in shipped:
        assert len(each.app.commit) == 40
        assert sum(label.kind == "must" for label in each.labels) >= 10
        assert all(label.file.startswith(each.app.under) for label in each.labels)


def test_recall_counts_labels_and_precision_counts_findings():
    found = [finding(11, 89), finding(11, 89), finding(30, 798), finding(99, 89), finding(20, 89)]
    score = code_apps.score(LABELS, found)
    assert (score.labels, score.hit, score.findings, score.true, score.excused) == (2, 1, 4, 1, 1)
    assert (score.recall, score.precision) == (0.5, 1 / 3)
    assert len(score.false) == 2


def test_a_step_of_the_flow_or_another_place_names_the_flaw_too():
    through = finding(80, 79, flow=(Step(file="t.html", line=3),))
    assert code_apps.score(LABELS, [through]).hit == 1


def test_findings_outside_the_labelled_folders_do_not_count():
    assert code_apps.score(LABELS, [finding(1, 89, file="b.py")]).findings == 0


def test_a_flaw_of_logic_counts_apart():
    score = code_apps.score(LABELS, [finding(40, 639)])
    assert (score.hit, score.logic, score.logic_hit, score.true) == (0, 1, 1, 1)
