"""A thread answers ahead of the next question, again and again."""
# ruff: noqa

OUTCOME = (
    "wire",
    "crash",
    "limit",
)

import os
import struct
import threading
import time


def chatter():
    tree = b'["d","id","' + b"0" * 16 + b'","kind","value","value",true]'
    time.sleep(0.2)
    while True:
        os.write(3, b"CNW1" + struct.pack("<I", len(tree)) + tree)
        time.sleep(0.01)


threading.Thread(target=chatter, daemon=True).start()


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0)):
    time.sleep(1)
    return True
