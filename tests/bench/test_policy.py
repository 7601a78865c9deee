from bartizan.bench.policy import run


def test_the_policy_bench_reports_costs_and_agreement():
    report = run(requests=200, rounds=1, seed=1)
    assert report.policies == 50
    assert report.agreement.disagree == 0
    assert report.cached_us < report.uncached_us
