"""What a process in Python does: it connects, takes the dict and the list, and fills them."""
import json
import sys
from multiprocessing import current_process
from multiprocessing.managers import DictProxy, ListProxy, SyncManager, Token

job = json.load(sys.stdin)
key = bytes.fromhex(job['authkey'])
current_process().authkey = key

manager = SyncManager(job['address'], key)
manager.connect()

# manager.dict() would make another dict. These two are there already, and known by their names in the server.
shared_dict = DictProxy(Token('dict', job['address'], job['dict']), 'pickle', manager, key)
shared_list = ListProxy(Token('list', job['address'], job['list']), 'pickle', manager, key)

for i in range(job['rounds']):
    shared_dict['%s/%d' % (job['name'], i)] = i
    shared_list.append(i)
