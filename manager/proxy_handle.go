package manager

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// A proxy on its way to another process has to keep its object alive: the sender may close its
// own, or end, before the receiver has counted itself.
//
// On our server a dict of the sender holds it, under a key that travels along. What is
// nested in a living object lives. The receiver counts itself, and then deletes the key. If
// it dies before, the entry is there until the sender ends, whose dict it is.
//
// CPython never frees what was nested once, so there the sender counts once more, and the receiver takes that
// count for its own. If it dies before, the count stays, as all counts of dead processes do there.

// handle is what travels.
type handle struct {
	session sessionKey
	typeid  string
	ident   string // "" for a Client
	class   pickle.Global
	exposed []string

	flight string // ident of the sender's dict; "" if a count travels along
	key    string // in it

	server serverKind // so that the receiver need not find it out
}

const handleVersion = "multiproc manager 1"

// handleTimeout bounds what has to be asked of the server while an argument is encoded or decoded,
// where there is no context.
const handleTimeout = 10 * time.Second

func appendHandle(h handle) ([]byte, error) {
	exposed := make([]any, len(h.exposed))
	for i, name := range h.exposed {
		exposed[i] = name
	}
	return pickle.Append(nil, pickle.NewTuple(
		handleVersion, h.session.network, h.session.address, pickle.Bytes(h.session.authkey), h.session.forbidMD5,
		h.typeid, h.ident, h.class.Module, h.class.Name, &pickle.Tuple{Items: exposed}, h.flight, h.key,
		h.server.ours, h.server.direct, h.server.address,
	), pickle.DefaultProtocol)
}

func parseHandle(b []byte) (h handle, err error) {
	graph, err := pickle.Decode(b)
	if err != nil {
		return h, fmt.Errorf("%w: %w", ErrHandle, err)
	}
	parts, ok := graph.(*pickle.Tuple)
	if !ok || len(parts.Items) != 15 || parts.Items[0] != handleVersion {
		return h, fmt.Errorf("%w: bytes of something else", ErrHandle)
	}
	authkey, ok := parts.Items[3].(pickle.Bytes)
	forbid, ok1 := parts.Items[4].(bool)
	exposed, ok2 := wire.Names(parts.Items[9])
	h.session.authkey, h.session.forbidMD5, h.exposed = string(authkey), forbid, exposed
	if len(exposed) == 0 {
		h.exposed = nil
	}
	ok = ok && ok1 && ok2
	h.server.ours, ok1 = parts.Items[12].(bool)
	h.server.direct, ok2 = parts.Items[13].(bool)
	h.server.address = parts.Items[14] // nil if the sender does not know either
	ok = ok && ok1 && ok2
	if h.server.address != nil {
		_, _, err := wire.NetAddress(h.server.address)
		ok = ok && err == nil
	}
	for i, to := range map[int]*string{
		1: &h.session.network, 2: &h.session.address, 5: &h.typeid, 6: &h.ident,
		7: &h.class.Module, 8: &h.class.Name, 10: &h.flight, 11: &h.key,
	} {
		var isText bool
		*to, isText = parts.Items[i].(string)
		ok = ok && isText
	}
	if !ok {
		return handle{}, fmt.Errorf("%w: bytes of something else", ErrHandle)
	}
	return h, nil
}

func (b *base) marshal() ([]byte, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), handleTimeout)
	defer cancel()
	h := handle{session: s.key(), typeid: b.h.token.Type, ident: b.h.token.Ident, class: b.h.class, exposed: b.h.exposed}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if h.server = s.kind(); h.server.ours {
		h.flight, h.key, err = s.depart(ctx, b.h)
	} else {
		_, err = s.serve(ctx, wire.FuncIncref, h.ident)
	}
	runtime.KeepAlive(b.h)
	if err != nil {
		return nil, err
	}
	return appendHandle(h)
}

// depart puts a proxy into the dict of those that are on their way.
func (s *session) depart(ctx context.Context, h *hold) (flight, key string, err error) {
	s.flights.turn.Lock() // not for long: a call that fails is not repeated
	defer s.flights.turn.Unlock()
	for again := true; ; again = false {
		d := s.flights.dict
		if d == nil {
			if d, err = s.newFlights(ctx); err != nil {
				return "", "", err
			}
		}
		s.flights.count++
		key = strconv.FormatUint(s.flights.count, 10)
		_, err = s.call(ctx, d.r, "__setitem__", []any{key, &Proxy{base{h}}}, nil)
		if again && errors.Is(err, ErrNoObject) {
			s.flights.dict = nil // it was another server's, which had this address before
			continue
		}
		return d.r.ident, key, err
	}
}

// newFlights makes the dict. The caller has the turn.
func (s *session) newFlights(ctx context.Context) (*hold, error) {
	d, err := s.create(ctx, "dict", nil, nil)
	if err != nil {
		return nil, err
	}
	// It is the session's, and no user of it.
	d.forget.Stop()
	s.leave()
	s.flights.dict = d
	s.flights.made.Store(true)
	return d, nil
}

func (b *base) unmarshal(data []byte, wants func(*Proxy) error) error {
	h, err := parseHandle(data)
	if err != nil {
		return err
	}
	if h.ident == "" {
		return fmt.Errorf("%w: it names a server", ErrHandle)
	}
	ctx, cancel := context.WithTimeout(context.Background(), handleTimeout)
	defer cancel()
	s := known.of(h.session)
	s.retain() // until the hold does
	defer s.leave()
	s.learn(h.server)
	if err := s.open(ctx); err != nil {
		return err
	}
	var arrived *hold
	if h.flight == "" {
		arrived = s.adopt(h.typeid, h.ident, h.class, h.exposed)
	} else {
		arrived = &hold{s: s, class: h.class, exposed: h.exposed, token: wire.Token{Type: h.typeid, Ident: h.ident}}
		if err := arrived.claim(ctx); err != nil {
			return err
		}
		// That it is not there means that the sender is not either.
		_, _ = s.call(ctx, &ref{ident: h.flight, typeid: "dict"}, "__delitem__", []any{h.key}, nil)
	}
	p := &Proxy{base{arrived}}
	if err := wants(p); err != nil {
		arrived.release()
		return err
	}
	b.h = arrived
	return nil
}

// unmarshalAs is unmarshal for one type of proxy.
func (b *base) unmarshalAs(data []byte, class string, methods ...string) error {
	return b.unmarshal(data, func(p *Proxy) error {
		var check base
		return check.wants(p, class, methods...)
	})
}
