package manager_test

import (
	"errors"
	"net"
	"testing"

	"github.com/multiproc-go/multiproc/manager"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string][2]string{
		"/tmp/x":               {"unix", "/tmp/x"},
		"unix:/tmp/x":          {"unix", "/tmp/x"},
		"unix:x":               {"unix", "x"},
		"x":                    {"unix", "x"},
		"./a:b":                {"unix", "./a:b"},
		"/a:1":                 {"unix", "/a:1"},
		"@name":                {"unix", "@name"},
		"@name:1":              {"unix", "@name:1"},
		"unix:@name":           {"unix", "@name"},
		"localhost:80":         {"tcp", "localhost:80"},
		":80":                  {"tcp", ":80"},
		"tcp:127.0.0.1:0":      {"tcp", "127.0.0.1:0"},
		"[::1]:80":             {"tcp", "[::1]:80"},
		"tcp:[fe80::1%eth0]:5": {"tcp", "[fe80::1%eth0]:5"},
	} {
		network, address, err := manager.ParseAddress(text)
		if err != nil || network != want[0] || address != want[1] {
			t.Errorf("%q: %q %q, %v", text, network, address, err)
		}
	}
	for _, text := range []string{"", "unix:", "@", "unix:@", "tcp:", "tcp:host", "a:b:c", "::1"} {
		if network, address, err := manager.ParseAddress(text); !errors.Is(err, manager.ErrAddress) {
			t.Errorf("%q: %q %q, %v", text, network, address, err)
		}
	}
}

func TestFormatAddress(t *testing.T) {
	for _, test := range []struct {
		addr net.Addr
		want string
	}{
		{&net.UnixAddr{Name: "/tmp/x", Net: "unix"}, "/tmp/x"},
		{&net.UnixAddr{Name: "x", Net: "unix"}, "x"},
		{&net.UnixAddr{Name: "host:1", Net: "unix"}, "unix:host:1"},
		{&net.UnixAddr{Name: "tcp:1/x", Net: "unix"}, "unix:tcp:1/x"},
		{&net.UnixAddr{Name: "@a", Net: "unix"}, "@a"},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5000}, "127.0.0.1:5000"},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 5000}, "[::1]:5000"},
	} {
		got := manager.FormatAddress(test.addr)
		if got != test.want {
			t.Errorf("%v: %q, want %q", test.addr, got, test.want)
		}
		network, address, err := manager.ParseAddress(got)
		if err != nil || network != test.addr.Network() || address != test.addr.String() {
			t.Errorf("%q back: %q %q, %v", got, network, address, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for name, test := range map[string]struct {
		o    manager.Options
		want error // nil: any
	}{
		"an empty key":         {manager.Options{Authkey: []byte{}}, manager.ErrEmptyKey},
		"a key that is empty?": {manager.Options{Authkey: []byte("k"), EmptyAuthkey: true}, nil},
		"a negative limit":     {manager.Options{MaxMessage: -1}, nil},
		"negative connections": {manager.Options{MaxConnections: -1}, nil},
		"a strange network":    {manager.Options{Network: "udp"}, manager.ErrAddress},
		"a type of its own":    {manager.Options{Types: []manager.UserType{manager.Type("dict", func() *named { return nil })}}, nil},
		"a type of no one":     {manager.Options{Types: []manager.UserType{{}}}, nil},
		"a type twice": {manager.Options{Types: []manager.UserType{
			manager.Type("A", func() *named { return nil }), manager.Type("A", func() *named { return nil }),
		}}, nil},
	} {
		s, err := manager.NewServer(test.o)
		if err == nil {
			s.Close()
		}
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
