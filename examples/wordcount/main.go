// Wordcount counts the words of a book in a pool, paragraph by paragraph.
//
//	go run ./examples/wordcount
//	MULTIPROC_MODE=goroutines go run ./examples/wordcount
//	go run ./examples/wordcount -check FILE
//
// The paragraphs are a sequence that is drawn as the workers need it: a file of any size takes little memory. With -check the same is counted once more in
// this process alone, and must be the same.
//
// The book is Lewis Carroll's "Alice's Adventures in Wonderland", which is in the public domain.
package main

import (
	"bufio"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"

	_ "embed"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/pool"
)

//go:embed alice.txt
var alice string

var (
	check = flag.Bool("check", false, "count a second time, without a pool, and compare")
	top   = flag.Int("top", 10, "how many words to print")
)

// count counts the words of a text.
var count = multiproc.Func("count", func(_ context.Context, text string) (map[string]int, error) {
	return countWords(text), nil
})

func countWords(text string) map[string]int {
	counts := make(map[string]int)
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
	for _, word := range words {
		if word = strings.Trim(word, "'"); word != "" {
			counts[word]++
		}
	}
	return counts
}

// paragraphs yields what is between empty lines. An error of reading is in *err.
func paragraphs(r io.Reader, err *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		var paragraph strings.Builder
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" {
				paragraph.WriteString(line + "\n")
				continue
			}
			if paragraph.Len() > 0 && !yield(paragraph.String()) {
				return
			}
			paragraph.Reset()
		}
		*err = lines.Err()
		if paragraph.Len() > 0 {
			yield(paragraph.String())
		}
	}
}

func main() {
	flag.Parse()
	multiproc.Main(run)
}

func run(ctx context.Context) error {
	var book io.Reader = strings.NewReader(alice)
	if flag.NArg() > 0 {
		f, err := os.Open(flag.Arg(0))
		if err != nil {
			return err
		}
		defer f.Close()
		book = f
	}
	var kept strings.Builder
	if *check {
		book = io.TeeReader(book, &kept)
	}

	p, err := pool.New(ctx, pool.Options{})
	if err != nil {
		return err
	}
	defer p.Terminate()
	total := make(map[string]int)
	var failure error
	for counts, err := range pool.MapUnordered(ctx, p, count, paragraphs(book, &failure)) {
		if err != nil {
			return err
		}
		for word, n := range counts {
			total[word] += n
		}
	}
	if failure != nil {
		return failure
	}
	p.Close()
	if err := p.Wait(ctx); err != nil {
		return err
	}
	printTop(total)
	if *check {
		if !maps.Equal(total, countWords(kept.String())) {
			return fmt.Errorf("one process alone counts otherwise")
		}
		fmt.Println("one process alone counts the same")
	}
	return nil
}

func printTop(total map[string]int) {
	sum := 0
	for _, n := range total {
		sum += n
	}
	fmt.Printf("%d words, %d different\n", sum, len(total))
	words := slices.SortedFunc(maps.Keys(total), func(a, b string) int {
		return cmp.Or(total[b]-total[a], strings.Compare(a, b))
	})
	for _, word := range words[:min(max(*top, 0), len(words))] {
		fmt.Printf("%6d %s\n", total[word], word)
	}
}
