"""What no single exchange shows: accounts that misuse or circumvent, acted on in proportion, and reviewed by people who are measured.

Takes in the ledger's events. Gives out signals with their evidence, enforcement steps that carry a case, and review samples.
"""

__all__: list[str] = []
