import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from bartizan.errors import VerificationError
from bartizan.ledger import offline
from bartizan.ledger.note import Checkpoint, NoteKey

# Published with golang.org/x/mod/sumdb/note (BSD-3-Clause).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETERS_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
GO_CHECKSUM_DATABASE = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

LOG = NoteKey("example.com/log", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
WITNESS = NoteKey("example.com/witness", Ed25519PrivateKey.from_private_bytes(b"w" * 32), cosigns=True)
KEYS = (offline.Key.parse(LOG.vkey), (offline.Key.parse(WITNESS.vkey),))
NOTE = LOG.checkpoint(5, b"r" * 32)
COSIGNED = NOTE + WITNESS.cosignature(Checkpoint.parse(NOTE).body, 1_679_315_147)


def test_public_signed_notes_verify():
    key = offline.Key.parse(PETER)
    signature = base64.b64decode(PETERS_SIGNATURE)
    assert signature[:4] == key.id
    assert key.verify(PETERS_TEXT.encode(), signature[4:]) == 0
    assert offline.Key.parse(GO_CHECKSUM_DATABASE).name == "sum.golang.org"


def test_a_cosigned_checkpoint_opens_with_its_time():
    checkpoint = offline.open_checkpoint(COSIGNED, *KEYS)
    assert (checkpoint.size, checkpoint.root, checkpoint.times) == (5, b"r" * 32, {"example.com/witness": 1_679_315_147})
    assert Checkpoint.parse(COSIGNED).body == "example.com/log\n5\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n"


def test_signatures_of_strangers_are_ignored_but_prove_nothing():
    stranger = NoteKey("example.com/other", Ed25519PrivateKey.from_private_bytes(b"o" * 32), cosigns=True)
    assert offline.open_checkpoint(NOTE + stranger.cosignature(Checkpoint.parse(NOTE).body, 1), *KEYS).times == {}
    with pytest.raises(offline.NotProven):
        offline.open_checkpoint(stranger.checkpoint(5, b"r" * 32), *KEYS)


def test_a_key_of_the_same_name_does_not_pass_for_the_log():
    false = NoteKey("example.com/log", Ed25519PrivateKey.from_private_bytes(b"f" * 32))
    with pytest.raises(offline.NotProven, match="no signature"):
        offline.open_checkpoint(false.checkpoint(5, b"r" * 32), *KEYS)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        NOTE.replace("\n5\n", "\n05\n"),
        NOTE.replace("\n5\n", "\n-5\n"),
        NOTE.replace("\n5\n", "\n5_0\n"),
        NOTE.replace("\n5\n", "\n5\n5\n"),
        NOTE.replace("cnJy", "cnJz"),
        NOTE.replace("\u2014", "-"),
        NOTE.rstrip("\n"),
        NOTE[:-10] + "AAAAAAAA=\n",
        NOTE + NOTE.splitlines()[-1] * 20,
    ],
    ids=["empty", "blank", "leading_zero", "negative", "underscore", "extra_line", "root", "dash", "no_newline", "signature", "many"],
)
def test_a_flawed_note_is_refused(note):
    with pytest.raises(offline.NotProven):
        offline.open_checkpoint(note, *KEYS)


@example(174, 1)  # spare bits at the end of a base64 signature
@given(st.integers(0, len(COSIGNED.encode()) - 1), st.integers(1, 255))
def test_every_changed_byte_of_a_cosigned_checkpoint_is_refused_or_leaves_no_cosignature(at, change):
    data = bytearray(COSIGNED.encode())
    data[at] ^= change
    try:
        checkpoint = offline.open_checkpoint(data.decode("utf-8", "surrogateescape"), *KEYS)
    except offline.NotProven:
        return
    assert (checkpoint.size, checkpoint.root) == (5, b"r" * 32)
    assert checkpoint.times == {}  # the name or id of the witness was hit, so it is a stranger's


@given(st.text())
def test_parsers_are_total(text):
    with pytest.raises(offline.NotProven):
        offline.open_checkpoint(text, *KEYS)
    with pytest.raises(offline.NotProven):
        offline.Key.parse(text)
    with pytest.raises(VerificationError):
        Checkpoint.parse(text)
