"""Benchmarks that users can run: ``bartizan bench ...``.

Takes in nothing but a size and a seed; every one works in a temporary directory that it removes. Gives out medians, ratios to a
peer named with its version, and counts of what was found, lost or falsely alarmed. None of them is a CI timing.
"""

__all__: list[str] = []
