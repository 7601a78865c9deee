"""Benchmarks of the monitor: decomposed campaigns, scores by source, cost per event and account."""
