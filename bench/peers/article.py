"""A manager process owns a dict and a list, and a child changes them. What examples/manager does, in Python's multiprocessing."""

import multiprocessing


def worker(shared_dict, shared_list):
    shared_dict[1] = "a"
    shared_dict["2"] = 2
    shared_list.reverse()


if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        shared_dict = manager.dict()
        shared_list = manager.list(range(10))
        process = multiprocessing.Process(target=worker, args=(shared_dict, shared_list))
        process.start()
        process.join()
        print("dict:", shared_dict)
        print("list:", shared_list)
