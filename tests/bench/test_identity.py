from bartizan.bench.identity import run


def test_the_identity_bench_reports_costs_and_revocations():
    report = run(revocations=3, rounds=1)
    assert report.revocations == 3
    assert 0 < report.revoked_p50_ms <= report.revoked_max_ms < 1000
    assert report.authenticate_us > 0
