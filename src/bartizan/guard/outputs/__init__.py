"""Judges of what a model answers: malicious code, lures, personal data, a leak of the system prompt, refusals.

Takes in segments of an answer and what is known of the request. Gives out opinions with spans and calibrated scores. The two trained heads
are linear over hashed n-grams; their weights are files with hashes, and samples they were trained on are made by a generator here.
"""
