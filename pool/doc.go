// Package pool runs entries on worker processes that live longer than one task, as Python's multiprocessing.Pool does, and loses no task when a
// worker dies.
package pool
