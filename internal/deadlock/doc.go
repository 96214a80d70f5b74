// Package deadlock finds processes that wait for each other.
//
// A process that has waited for a lock for a second ([blocked.Book].Patience) follows the graph outwards from its wait: from the lock to
// who holds it, from there to what that one waits for, and so on, until it comes back to itself or there is
// nowhere to go. So does PostgreSQL's lock manager (src/backend/storage/lmgr/deadlock.c, and deadlock_timeout): nothing is
// spent on it as long as locks are to be had soon, and nobody keeps a graph.
//
// What is read changes meanwhile. A circle counts if each of its waits, and each hold with its ticket, is there again a
// second time: then all of them existed together in between.
//
// Of a circle one wait is the chosen one, the youngest, which has closed it in most cases. All who are in it find the same; the process
// whose wait it is reports it, once. A process that finds a circle in which its own wait is not the youngest leaves it alone: whoever has the youngest
// searches too, and finds that circle or another one in which his is the youngest, or in which there is a younger one.
//
// A circle of processes is only suspected of being a deadlock, for another goroutine may unlock. It is proven where all
// locks are recorded with their goroutines ([layout.Mutex].Checked); then the chosen one is told to give up.
package deadlock
