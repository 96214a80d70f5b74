package state

import "github.com/multiproc-go/multiproc/pickle"

// unchanged compares what is there with what a client read before, and changes the latter. Python's == knows proxies by
// identity, and each message makes proxies of its own; here it is what they name that counts, also inside of other values. A proxy
// that is a key or in a set stays one of its own.
func unchanged(now, then any) (bool, error) {
	if same, proxies := sameProxy(now, then); proxies {
		return same, nil
	}
	if isContainer(then) {
		reuseProxies(now, then)
	}
	return equal(now, then)
}

// sameProxy reports whether both are proxies, and if so whether they name the same object.
func sameProxy(a, b any) (same, proxies bool) {
	p, ok1 := a.(*Proxy)
	q, ok2 := b.(*Proxy)
	if !ok1 || !ok2 {
		return false, false
	}
	return p.Ident == q.Ident, true
}

// reuseProxies puts the proxies of now in the place of those of then that name the same, wherever both have one at the same
// place. Each container of then is gone through once, so that the cost is that of the message.
func reuseProxies(now, then any) {
	type pair struct{ now, then any }
	todo := []pair{{now, then}}
	seen := make(map[any]bool) // containers of then
	visit := func(now any, then *any) (replaced bool) {
		if same, _ := sameProxy(now, *then); same {
			*then = now
			return true
		}
		if isContainer(*then) {
			todo = append(todo, pair{now, *then})
		}
		return false
	}
	items := func(now, then []any) {
		for i := range min(len(now), len(then)) {
			visit(now[i], &then[i])
		}
	}
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[next.then] {
			continue
		}
		seen[next.then] = true
		switch then := next.then.(type) {
		case *pickle.List:
			if now, ok := next.now.(*pickle.List); ok {
				items(now.Items, then.Items)
			}
		case *pickle.Tuple:
			if now, ok := next.now.(*pickle.Tuple); ok {
				items(now.Items, then.Items)
			}
		case *pickle.Dict:
			if now, ok := next.now.(*pickle.Dict); ok {
				for key, v := range then.All() {
					if stored, ok, err := now.Get(key); ok && err == nil && visit(stored, &v) {
						_ = then.Set(key, v) // it has the key
					}
				}
			}
		case *pickle.Object:
			if now, ok := next.now.(*pickle.Object); ok {
				if now.Args != nil && then.Args != nil {
					items(now.Args.Items, then.Args.Items)
				}
				items(now.Items, then.Items)
				for i := range min(len(now.Pairs), len(then.Pairs)) {
					visit(now.Pairs[i].Value, &then.Pairs[i].Value)
				}
				visit(now.State, &then.State)
			}
		}
	}
}

func isContainer(v any) bool {
	switch v.(type) {
	case *pickle.List, *pickle.Tuple, *pickle.Dict, *pickle.Object:
		return true
	}
	return false
}
