"""The record: facts in a Merkle tree whose alteration shows, and personal text that can be forgotten without breaking a proof.

Takes in envelopes with their content, and returns once they are durable. Gives out events in order to whoever folds them,
content while its key lives, signed checkpoints, and proofs that anyone can check offline. Any number of processes may append.
"""

from bartizan.ledger.log import ConsistencyProof, InclusionProof, Ledger
from bartizan.ledger.note import Checkpoint

__all__ = ["Checkpoint", "ConsistencyProof", "InclusionProof", "Ledger"]
