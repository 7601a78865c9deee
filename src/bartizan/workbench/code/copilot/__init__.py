"""The model loop: where no codemod fits, a model may try, and what it says counts only if the gate lets it through.

Takes in a finding, its file and a way to ask a model. Gives out a fix with everything that was asked of it, after at most so many
attempts. The repository's text reaches the model as quoted data, and nothing it says there changes a verdict.
"""

from bartizan.workbench.code.copilot.loop import Ask, Attempted, attempt

__all__ = ["Ask", "Attempted", "attempt"]
