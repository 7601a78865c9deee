from hypothesis import given
from hypothesis import strategies as st

from bartizan.workbench.code.repo import File, Tree
from bartizan.workbench.code.workflows import scan

PINNED = "actions/checkout@" + "a" * 40


def of(text, path=".github/workflows/a.yml"):
    data = text.encode()
    return Tree({path: File(path=path, size=len(data))}, (), lambda _: data, name="t")


def rules(text, path=".github/workflows/a.yml"):
    return [(f.rule.removeprefix("workflow/"), f.line) for f in scan(of(text, path), [])]


def test_a_strangers_code_with_the_repositorys_rights():
    text = f"""on: pull_request_target
permissions: {{}}
jobs:
  a:
    steps:
      - uses: {PINNED}
        with:
          ref: ${{{{ github.event.pull_request.head.sha }}}}
      - run: make
"""
    assert rules(text) == [("dangerous-checkout", 6)]
    assert rules(text.replace("pull_request_target", "pull_request")) == []


def test_a_strangers_text_in_a_script():
    text = """on: issues
permissions: {}
jobs:
  a:
    steps:
      - run: |
          echo one
          echo "${{ github.event.issue.title }}"
      - run: echo "$TITLE"
        env:
          TITLE: ${{ github.event.issue.title }}
"""
    assert rules(text) == [("script-injection", 8)]


def test_actions_that_can_change_and_rights_beyond_need():
    text = "on: push\npermissions: write-all\njobs:\n  a:\n    steps:\n      - uses: who/what@v1\n      - uses: ./own\n"
    assert sorted(rules(text)) == [("broad-rights", 2), ("unpinned-action", 6)]


def test_rights_that_nobody_stated():
    assert rules("on: push\njobs:\n  a:\n    steps: []\n") == [("default-rights", 3)]
    assert rules("on: push\njobs:\n  a:\n    permissions: {}\n    steps: []\n") == []


def test_a_script_that_is_fetched_and_run():
    assert rules("on: push\npermissions: {}\njobs:\n  a:\n    steps:\n      - run: curl https://x.example/i.sh | sh\n") == [
        ("piped-script", 6)
    ]


def test_other_yaml_is_left_alone():
    assert rules("on: push\n", "config/a.yml") == []


def test_what_is_no_yaml_is_told():
    notes = []
    scan(of("a: [\n"), notes)
    assert notes[0].code == "syntax-error"
    scan(of("[" * 5000), notes)
    assert len(notes) == 2


@given(st.text(alphabet="on:jobs \n-[]{}&*a!|>\"'$", max_size=200))
def test_any_text_is_read_or_told(text):
    scan(of(text), [])
