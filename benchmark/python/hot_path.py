"""One run of the hot path in Python: `hot_path.py threads|processes PRODUCERS CONSUMERS CAPACITY ITEMS`.

Prints one JSON object with the count and the sum that arrived and the time from the start of the first thread, or
process, to the end of the last.
"""

import json
import multiprocessing
import queue
import sys
import threading
import time

# What each consumer gets last: before Python 3.13 a queue has no shutdown.
END = None


def produce(items, first, last):
    for value in range(first, last):
        items.put(float(value))


def consume(items, results):
    count, total = 0, 0.0
    while (value := items.get()) is not END:
        count += 1
        total += value
    results.put((count, total))


def contest(start, items, results, producers, consumers, limit):
    """`start(function, arguments)` starts a thread or a process and gives it."""
    each = limit // producers
    began = time.monotonic()
    consuming = [start(consume, (items, results)) for _ in range(consumers)]
    producing = [start(produce, (items, index * each, (index + 1) * each)) for index in range(producers)]
    for producer in producing:
        producer.join()
    for _ in range(consumers):
        items.put(END)
    arrived = [results.get() for _ in range(consumers)]
    for consumer in consuming:
        consumer.join()
    return {
        "count": sum(count for count, _ in arrived),
        "sum": sum(total for _, total in arrived),
        "seconds": time.monotonic() - began,
    }


def starter(kind):
    def start(function, arguments):
        thread = kind(target=function, args=arguments)
        thread.start()
        return thread

    return start


def main(kind, *numbers):
    producers, consumers, capacity, items = map(int, numbers)
    if kind == "threads":
        run = contest(starter(threading.Thread), queue.Queue(capacity), queue.SimpleQueue(), producers, consumers, items)
    elif kind == "processes":
        channel, results = multiprocessing.Queue(capacity), multiprocessing.SimpleQueue()
        run = contest(starter(multiprocessing.Process), channel, results, producers, consumers, items)
    else:
        raise SystemExit(f"expected threads or processes, got {kind!r}")
    print(json.dumps(run))


if __name__ == "__main__":
    main(*sys.argv[1:])
