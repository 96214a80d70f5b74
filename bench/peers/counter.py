"""Five processes count to 500000 together, under a lock. What examples/counter does, in Python's multiprocessing."""

import multiprocessing


def increment(total, lock):
    for _ in range(100_000):
        with lock:
            current = total.value
            current += 1
            total.value = current


if __name__ == "__main__":
    total = multiprocessing.Value("i", 0)
    lock = multiprocessing.Lock()
    processes = [multiprocessing.Process(target=increment, args=(total, lock)) for _ in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(total.value)
