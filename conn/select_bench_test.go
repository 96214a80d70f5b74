package conn_test

import (
	"fmt"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
)

// BenchmarkSelect waits for n pipes, of which one has something each time: already when Select looks, or only when the
// answer of another goroutine comes.
func BenchmarkSelect(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		ours, theirs := make([]*conn.Conn[int, int], n), make([]*conn.Conn[int, int], n)
		all := make([]conn.Waitable, n)
		for i := range n {
			ours[i], theirs[i] = newPipe[int, int](b)
			all[i] = ours[i]
		}
		selectOne := func(b *testing.B, i int) {
			ready, err := conn.Select(background, all...)
			if err != nil || len(ready) != 1 || ready[0] != all[i%n] {
				b.Fatal(ready, err)
			}
			if _, err := ours[i%n].Recv(background); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("ready/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := theirs[i%n].Send(background, i); err != nil {
					b.Fatal(err)
				}
				selectOne(b, i)
			}
		})
		b.Run(fmt.Sprintf("waits/%d", n), func(b *testing.B) {
			turns := make(chan int)
			done := make(chan error, 1)
			go func() {
				var err error
				for i := range turns {
					if err == nil {
						err = theirs[i%n].Send(background, i)
					}
				}
				done <- err
			}()
			for i := 0; b.Loop(); i++ {
				turns <- i
				selectOne(b, i)
			}
			close(turns)
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}
