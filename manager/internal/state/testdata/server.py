"""Runs CPython's own manager server and passes messages to it and back, in hex, as they are.

The first line of the output is the server's address. A line of the input is 'A <message>' for a connection of its own,
as create and incref have, or 'B <message>' for the one connection on which methods are called.
"""
import sys
from multiprocessing import connection, managers

if __name__ == '__main__':
    manager = managers.SyncManager()
    manager.start()

    def dial():
        return connection.Client(manager.address, authkey=bytes(manager._authkey))

    calls = dial()
    managers.dispatch(calls, None, 'accept_connection', ('test',))
    print(manager.address, flush=True)
    for line in sys.stdin:
        where, message = line.split()
        conn = dial() if where == 'A' else calls
        conn.send_bytes(bytes.fromhex(message))
        print(conn.recv_bytes().hex(), flush=True)
        if where == 'A':
            conn.close()
    manager.shutdown()
