package multiproc_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/multiproc-go/multiproc"
)

func TestGroup(t *testing.T) {
	g, ctx := multiproc.NewGroup(t.Context())
	for range 4 {
		g.Start(fail.With("not at all"))
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if ctx.Err() == nil {
		t.Error("the context outlives Wait")
	}
}

func TestGroupFirstErrorCancels(t *testing.T) {
	post := newPost(t)
	g, ctx := multiproc.NewGroup(t.Context())
	for range 3 {
		g.Start(linger.With(post.Addr))
	}
	for range 3 {
		post.next(t)
	}
	g.Start(fail.With("own"))
	err := g.Wait()
	if _, ok := err.(*multiproc.ChildError); !ok || !errors.Is(err, errOwn) {
		t.Errorf("%T: %v", err, err)
	}
	if context.Cause(ctx) != err {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

func TestGroupStartError(t *testing.T) {
	g, ctx := multiproc.NewGroup(t.Context())
	g.Start(declaredOnly.With(1))
	if ctx.Err() == nil {
		t.Error("the group goes on")
	}
	if err := g.Wait(); !errors.Is(err, multiproc.ErrNoHandler) {
		t.Error(err)
	}
}

func TestZeroGroup(t *testing.T) {
	var g multiproc.Group
	g.Start(fail.With("own"))
	g.Start(fail.With("file"))
	g.Start(fail.With("not at all"))
	if err := g.Wait(); !errors.Is(err, errOwn) || !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
