package conn

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// Dial connects to a [Listener], or to a Listener of Python, and proves to it that both
// have the key. Networks and addresses are those of net.Dial for streams: "unix" with a path or,
// on Linux, a name that begins with @ for Python's leading NUL; "tcp" with host:port.
//
// It takes as long as ctx lets it, and the handshake no longer than its timeout. The
// error wraps [ErrAuthentication] if the keys differ or the other end breaks the protocol, the
// error of ctx, os.ErrDeadlineExceeded if the handshake took too long,
// io.ErrUnexpectedEOF if the other end hung up in it, and otherwise what net.Dial returns.
//
// A Unix socket whose queue is full is asked again until ctx ends.
func Dial(ctx context.Context, network, address string, o Options) (*Framed, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	c, err := connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	f := NewFramed(c)
	f.SetMaxMessage(o.MaxMessage)
	if o.NoAuthentication {
		return f, nil
	}
	if err := authenticate(ctx, f, o.handshake(Dialing), o.HandshakeTimeout); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// authenticate runs the handshake within the timeout, all of it.
func authenticate(ctx context.Context, f *Framed, h Handshake, timeout time.Duration) error {
	if err := f.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if err := Authenticate(ctx, f, h); err != nil {
		return err
	}
	return f.SetDeadline(time.Time{})
}

// connect is net.Dial, except that a Unix socket whose listener is only slow is not an
// error: many clients that come at once are normal.
func connect(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		c, err := d.DialContext(ctx, network, address)
		if err == nil || !errors.Is(err, syscall.EAGAIN) {
			return c, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}
