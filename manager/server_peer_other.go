//go:build !linux

package manager

import (
	"errors"
	"net"
)

func peerPid(net.Conn) int { return 0 }

type processWatch struct{}

func watchProcess(net.Conn, int) (*processWatch, error) { return nil, errors.ErrUnsupported }

func (*processWatch) ended() bool { return true }
func (*processWatch) wait() bool  { return false }
func (*processWatch) close()      {}
