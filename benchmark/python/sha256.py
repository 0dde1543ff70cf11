"""SHA-256 of 4 KiB items by a pool of processes: `sha256.py PROCESSES ITEMS`.

Prints one JSON object with how many digests were right, the sum of the numbers of their items, and the time they took.
"""

import hashlib
import json
import multiprocessing
import sys
import time

SIZE = 4096
DIFFERENT = 1000
WARM_UP = 4000
# Larger chunks made no difference: the bytes are what costs.
CHUNK = 64


def digest(block):
    return hashlib.sha256(block).hexdigest()


def main(processes, items):
    blocks = [number.to_bytes(8, "little") * (SIZE // 8) for number in range(DIFFERENT)]
    expected = [digest(block) for block in blocks]

    def handle(limit):
        """What the documentation advises for long iterables: imap with a chunk size. Results come in order."""
        work = (blocks[number % DIFFERENT] for number in range(limit))
        count, total = 0, 0
        for number, found in enumerate(pool.imap(digest, work, CHUNK)):
            if found != expected[number % DIFFERENT]:
                raise SystemExit(f"expected {expected[number % DIFFERENT]}, got {found}")
            count += 1
            total += number
        return count, total

    with multiprocessing.Pool(processes) as pool:
        handle(min(WARM_UP, items))
        began = time.monotonic()
        count, total = handle(items)
        print(json.dumps({"count": count, "sum": total, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
