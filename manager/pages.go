package manager

import (
	"context"
	"errors"

	"github.com/multiproc-go/multiproc/pickle"
)

// pages yields the content of a dict or a set: all in one page, or if that is large in several. known is false if the object has no pages: it is one of a
// server of CPython, or of a type that a program has registered.
func (b *base) pages(ctx context.Context, typeid string, yield func(items []any) bool) (known bool, err error) {
	s, err := b.session()
	if err != nil {
		return true, err
	}
	if err := s.open(ctx); err != nil {
		return true, err
	}
	if !s.kind().ours || b.TypeID() != typeid {
		return false, nil
	}
	var position, version any = int64(0), nil
	for position != nil {
		v, err := b.call(ctx, methodPage, position, version)
		if err != nil {
			return true, err
		}
		list, err := b.pageOf(v, &position, &version)
		if err != nil {
			return true, err
		}
		if !yield(list) {
			return true, nil
		}
	}
	return true, nil
}

const methodPage = "#page"

var errNoPage = errors.New("the server has sent something else than a page")

func (b *base) pageOf(v any, position, version *any) ([]any, error) {
	page, ok := v.(*pickle.Tuple)
	if !ok || len(page.Items) != 3 {
		return nil, b.failed(methodPage, true, errNoPage)
	}
	list, ok := page.Items[2].(*pickle.List)
	if !ok {
		return nil, b.failed(methodPage, true, errNoPage)
	}
	*position, *version = page.Items[0], page.Items[1]
	return list.Items, nil
}
