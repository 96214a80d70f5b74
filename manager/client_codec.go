package manager

import (
	"slices"
	"unicode/utf8"

	"github.com/multiproc-go/multiproc/pickle"
)

// graphOf returns the graph that stands for a Go value. What is frequent does without reflection.
func graphOf[T any](v T) (any, error) {
	switch x := any(&v).(type) { // what is put into an any by its value has memory of its own, and once is enough
	case *bool:
		return *x, nil
	case *int64:
		return *x, nil
	case *float64:
		return *x, nil
	case *int:
		return int64(*x), nil
	case *string:
		if utf8.ValidString(*x) {
			return *x, nil
		}
	}
	boxed := any(v)
	switch x := boxed.(type) { // of a T that is an interface
	case nil, bool, int64, float64:
		return boxed, nil
	case int:
		return int64(x), nil
	case string:
		if utf8.ValidString(x) {
			return boxed, nil
		}
	}
	return pickle.FromGo(boxed)
}

// graphsOf is graphOf for several.
func graphsOf[T any](values []T) ([]any, error) {
	graphs := make([]any, len(values))
	for i, v := range values {
		var err error
		if graphs[i], err = graphOf(v); err != nil {
			return nil, err
		}
	}
	return graphs, nil
}

// graphOfKwargs makes a dict of keyword arguments, in the order of their names.
func graphOfKwargs(kwargs map[string]any) (*pickle.Dict, error) {
	if len(kwargs) == 0 {
		return nil, nil
	}
	names := make([]string, 0, len(kwargs))
	for name := range kwargs {
		names = append(names, name)
	}
	slices.Sort(names)
	d := pickle.NewDict()
	for _, name := range names {
		v, err := graphOf(kwargs[name])
		if err == nil {
			err = d.Set(name, v)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// fromGraph makes a Go value of a graph.
func fromGraph[T any](graph any) (T, error) {
	var v T
	switch p := any(&v).(type) {
	case *any:
		*p = graph
		return v, nil
	case *string:
		if s, ok := graph.(string); ok {
			*p = s
			return v, nil
		}
	case *int64:
		if n, ok := graph.(int64); ok {
			*p = n
			return v, nil
		}
	case *int:
		if n, ok := graph.(int64); ok && int64(int(n)) == n {
			*p = int(n)
			return v, nil
		}
	case *float64:
		if f, ok := graph.(float64); ok {
			*p = f
			return v, nil
		}
	case *bool:
		if b, ok := graph.(bool); ok {
			*p = b
			return v, nil
		}
	}
	err := pickle.ToGo(graph, &v)
	return v, err
}

// itemsOf returns what is in a list or a tuple.
func itemsOf(graph any) ([]any, bool) {
	switch x := graph.(type) {
	case *pickle.List:
		return x.Items, true
	case *pickle.Tuple:
		return x.Items, true
	}
	return nil, false
}
