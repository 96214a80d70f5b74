//go:build !unix || aix

package conn

import (
	"errors"
	"net"
)

func newBlocking(net.Conn) (net.Conn, error) { return nil, errors.ErrUnsupported }
