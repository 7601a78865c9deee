"""The benchmarks that users can run: ``bartizan bench NAME``.

Each takes in its size and a seed, measures CPU time over several rounds, and gives out one report struct that prints as JSON.
"""

__all__: list[str] = []
