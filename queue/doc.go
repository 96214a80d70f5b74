// Package queue has queues between processes that the death of none of them can block, and that lose nothing.
package queue
