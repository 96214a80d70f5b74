package main

import (
	"os/exec"
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestManager(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		for range 5 {
			program.Prints(t, "expected.txt", mode)
		}
	})
}

func TestNoRace(t *testing.T) {
	expect.BuildRace(t).Prints(t, "expected.txt", expect.Goroutines)
}

// TestArticle has Python run the article's program: what is expected of ours is what it prints.
func TestArticle(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skipf("NOT RUN: the article's program: %v", err)
	}
	command := exec.Command(python, "article.py")
	command.Env = append(command.Environ(), "PYTHONIOENCODING=utf-8")
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	expect.Match(t, "expected.txt", string(output))
}
