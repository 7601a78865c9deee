"""Measures the controls with material their authors did not write.

Takes in: phrases, seeds and the parts under test. Gives out: disguised texts, streams cut in hostile places, results.
"""

__all__: list[str] = []
