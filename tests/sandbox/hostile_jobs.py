"""Functions that a sandboxed child runs in the tests; each named after what it does wrong."""

import os
import signal
import sys


def upper(data: bytes) -> bytes:
    sys.stdout.write("noise on stdout\n")
    return data.upper()


def misbehave(data: bytes) -> bytes:  # noqa: C901 - a catalogue
    match data:
        case b"memory bomb":
            return bytes(bytearray(4 << 30))
        case b"memory bomb in pieces":
            pieces = []
            while True:
                pieces.append(bytearray(1 << 20))
        case b"infinite loop":
            while True:
                pass
        case b"sleep":
            signal.pause()
        case b"output flood":
            return b"x" * (64 << 20)
        case b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"exit":
            os._exit(3)
        case b"raise":
            raise ValueError("bad header")
        case b"recursion":
            return misbehave(data)
        case b"forged answer":
            os.write(1, b"d\x00\x00\x00\x05forge")
            return b"honest"
    return data
