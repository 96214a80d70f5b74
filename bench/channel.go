package main

import (
	"sync"
	"time"
)

// channelStream is what a queue does, between goroutines: n items through a channel of 1024.
func channelStream[T any](senders, receivers, n int) []float64 {
	var (
		c    = make(chan T, 1024)
		item T
		wait sync.WaitGroup
	)
	begin := time.Now()
	for range receivers {
		wait.Go(func() {
			for range n / receivers {
				<-c
			}
		})
	}
	for range senders {
		wait.Go(func() {
			for range n / senders {
				c <- item
			}
		})
	}
	wait.Wait()
	return []float64{float64(time.Since(begin).Nanoseconds()) / float64(n)}
}

// channelTurns passes a number there and back, n times.
func channelTurns(n int) []float64 {
	var (
		ways = [2]chan int64{make(chan int64, 1), make(chan int64, 1)}
		wait sync.WaitGroup
	)
	begin := time.Now()
	wait.Go(func() {
		for range n {
			ways[1] <- <-ways[0]
		}
	})
	for i := range int64(n) {
		ways[0] <- i
		<-ways[1]
	}
	wait.Wait()
	return []float64{float64(time.Since(begin).Nanoseconds()) / float64(n)}
}
