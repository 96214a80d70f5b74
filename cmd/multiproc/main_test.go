package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/multiproctest"
)

// programs: the test binary is multiproc itself.
var programs = map[string]func() error{
	"multiproc": func() error {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
		return nil
	},
}

func TestMain(m *testing.M) {
	modetest.RunProgram(programs)
	multiproctest.Main(m)
}

// result is what a command line that ends by itself gives.
func result(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

func TestHelpAndVersion(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"help"}, "multiproc serve"},
		{[]string{"-h"}, "multiproc serve"},
		{[]string{"--help"}, "multiproc serve"},
		{[]string{"help", "serve"}, "--authkey-file FILE"},
		{[]string{"serve", "-h"}, "--authkey-file FILE"},
		{[]string{"serve", "--help"}, "--authkey-file FILE"},
		{[]string{"serve", "--address", "x", "-help"}, "--authkey-file FILE"},
		{[]string{"version"}, "multiproc "},
		{[]string{"--version"}, "multiproc "},
	} {
		code, out, err := result(test.args...)
		if code != exitOK || !strings.Contains(out, test.want) || err != "" {
			t.Errorf("%q: %d, %q, %q", test.args, code, out, err)
		}
	}
}

// TestHelpNamesEveryFlag: in both directions.
func TestHelpNamesEveryFlag(t *testing.T) {
	source, err := os.ReadFile("flags.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func parseServe")
	for _, word := range strings.Fields(strings.NewReplacer("=", " ", ";", " ").Replace(serveUsage)) {
		if name, ok := strings.CutPrefix(word, "--"); ok && name != "help" && !strings.Contains(body, `"`+name+`"`) {
			t.Errorf("the usage has a flag %s that there is not", word)
		}
	}
	names := 0
	for _, part := range strings.Split(body, `"`) {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || !strings.Contains(body, `"`+part+`",`) {
			continue
		}
		switch part {
		case "serve", "info", "text", "debug", "warn", "error", "json", "off":
			continue
		}
		names++
		if !strings.Contains(serveUsage, "--"+part) {
			t.Errorf("the usage does not have the flag --%s", part)
		}
	}
	if names < 18 {
		t.Errorf("found %d flags only", names)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "Usage:"},
		{[]string{"frob"}, `"frob"`},
		{[]string{"version", "x"}, "version"},
		{[]string{"help", "frob"}, "frob"},
		{[]string{"serve", "--authkey-file", "a", "--address", ""}, "--address: it is empty"},
		{[]string{"serve", "--authkey-file", "a", "--replace-dead=x"}, "for --replace-dead"},
		{[]string{"serve"}, "--authkey-file"},
		{[]string{"serve", "--frob"}, "--frob"},
		{[]string{"serve", "--authkey-file"}, "a value is needed for --authkey-file"},
		{[]string{"serve", "--authkey-file", "a", "left", "over"}, "left"},
		{[]string{"serve", "--authkey-file", "a", "--authkey-fd", "3"}, "both"},
		{[]string{"serve", "--authkey-fd", "-1"}, "authkey-fd"},
		{[]string{"serve", "--authkey-file", "a", "--address", "tcp:host"}, "--address"},
		{[]string{"serve", "--authkey-file", "a", "--max-message", "0"}, "max-message"},
		{[]string{"serve", "--authkey-file", "a", "--max-message", "lots"}, "max-message"},
		{[]string{"serve", "--authkey-file", "a", "--max-message", "9223372036854775807G"}, "max-message"},
		{[]string{"serve", "--authkey-file", "a", "--max-connections", "0"}, "max-connections"},
		{[]string{"serve", "--authkey-file", "a", "--handshake-timeout", "0s"}, "handshake-timeout"},
		{[]string{"serve", "--authkey-file", "a", "--grace", "-1s"}, "grace"},
		{[]string{"serve", "--authkey-file", "a", "--socket-mode", "9"}, "socket-mode"},
		{[]string{"serve", "--authkey-file", "a", "--socket-mode", "7777"}, "socket-mode"},
		{[]string{"serve", "--authkey-file", "a", "--log-level", "loud"}, "--log-level"},
		{[]string{"serve", "--authkey-file", "a", "--log-format", "xml"}, "--log-format"},
	} {
		code, out, err := result(test.args...)
		if code != exitUsage || out != "" || !strings.Contains(err, test.want) {
			t.Errorf("%q: %d, %q, %q does not name %s", test.args, code, out, err, test.want)
		}
	}
}

func TestFlags(t *testing.T) {
	c, err := parseServe(strings.Fields("-address 127.0.0.1:0 --authkey-file=k -socket-mode 0660 --replace-dead=false --forbid-md5 --refuse-shutdown --release-dead " +
		"--max-message 1K --max-reply 2M --max-unread 8M --max-object 3G --max-memory 1T --max-objects 5 --max-connections 6 --max-pending 7 " +
		"--handshake-timeout 8s --grace 0s --shutdown-timeout 9s --log-level off"))
	if err != nil {
		t.Fatal(err)
	}
	o := c.options
	if o.Network != "tcp" || o.Address != "127.0.0.1:0" || c.keyFile != "k" || o.SocketMode != 0o660 || o.ReplaceDead || !o.ForbidMD5 || !o.RefuseShutdown || !o.ReleaseDead {
		t.Errorf("%+v", c)
	}
	if o.MaxMessage != 1<<10 || o.MaxReply != 2<<20 || o.MaxUnread != 8<<20 || o.MaxObjectBytes != 3<<30 || o.MaxBytes != 1<<40 || o.MaxObjects != 5 || o.MaxConnections != 6 || o.MaxPending != 7 {
		t.Errorf("%+v", o)
	}
	if o.HandshakeTimeout != 8*time.Second || o.Grace >= 0 || c.shutdownTimeout != 9*time.Second {
		t.Errorf("%+v", c)
	}
	c, err = parseServe([]string{"--authkey-fd", "3"})
	if err != nil || c.keyFD != 3 || !c.options.ReplaceDead || c.options.Network != "" {
		t.Errorf("%+v, %v", c, err)
	}
}

func keyFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeys(t *testing.T) {
	for text, want := range map[string]string{
		"secret": "secret", "secret\n": "secret", "secret\r\n": "secret\r", "secret\n\n": "secret\n", "secret\r": "secret\r",
		" two words \t\n": " two words \t", "\x00\xff": "\x00\xff", "a\nb": "a\nb",
	} {
		c := config{keyFile: keyFile(t, text, 0o600), keyFD: -1}
		if key, err := c.readKey(); err != nil || string(key) != want {
			t.Errorf("%q: %q, %v", text, key, err)
		}
	}
	for name, test := range map[string]struct {
		c    config
		want string
	}{
		"empty":          {config{keyFile: keyFile(t, "", 0o600)}, "empty"},
		"a newline":      {config{keyFile: keyFile(t, "\n", 0o600)}, "empty"},
		"too large":      {config{keyFile: keyFile(t, strings.Repeat("k", maxKey+1), 0o600)}, "bytes"},
		"read by others": {config{keyFile: keyFile(t, "k", 0o604)}, "chmod 600"},
		"for all":        {config{keyFile: keyFile(t, "k", 0o644)}, "chmod 600"},
		"a group writes": {config{keyFile: keyFile(t, "k", 0o660)}, "chmod 600"},
		"a directory":    {config{keyFile: t.TempDir()}, "directory"},
		"missing":        {config{keyFile: filepath.Join(t.TempDir(), "none")}, "no such file"},
	} {
		test.c.keyFD = -1
		key, err := test.c.readKey()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q, %v", name, key, err)
		}
		if err != nil && strings.Contains(err.Error(), "kkk") {
			t.Errorf("%s: the error tells the key: %v", name, err)
		}
	}
	c := config{keyFile: keyFile(t, "k", 0o640), keyFD: -1}
	if _, err := c.readKey(); err != nil {
		t.Errorf("the group may read it: %v", err)
	}
	c = config{keyFD: -1}
	c.options.EmptyAuthkey = true
	if key, err := c.readKey(); err != nil || len(key) != 0 {
		t.Errorf("no key: %q, %v", key, err)
	}
	c.keyFile = keyFile(t, "k", 0o600)
	if _, err := c.readKey(); err == nil {
		t.Error("--empty-authkey with a key")
	}
	c = config{keyFD: 9999}
	if _, err := c.readKey(); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a descriptor that there is not: %v", err)
	}
}
