import msgspec

from bartizan.bench.report import machine, render


class Row(msgspec.Struct):
    case: str
    cpu_us: float


class Figures(msgspec.Struct):
    found: int
    total_s: float
    rows: list[Row]


def test_a_report_is_lines_and_tables():
    text = render(Figures(found=12345, total_s=1.5, rows=[Row(case="json", cpu_us=123.4), Row(case="sse", cpu_us=4567.0)]))
    assert "found                              12,345" in text
    assert "total s                            1.5" in text
    lines = text.splitlines()
    assert [line.split() for line in lines[-3:]] == [["case", "cpu", "us"], ["json", "123"], ["sse", "4,567"]]


def test_the_machine_names_the_versions_that_matter():
    assert {"msgspec", "uvicorn"} <= set(machine().packages)
