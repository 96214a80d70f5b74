package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxKey is more than any key. What is larger is the wrong file.
const maxKey = 64 << 10

// readKey reads the key. Which key, and whether it may be read by others, must never be a guess.
func (c *config) readKey() ([]byte, error) {
	switch {
	case c.keyFile != "":
		f, err := os.Open(c.keyFile)
		if err != nil {
			return nil, fmt.Errorf("the key: %w", err)
		}
		defer f.Close()
		if err := checkMode(f); err != nil {
			return nil, fmt.Errorf("the key: %s: %w", c.keyFile, err)
		}
		key, err := keyOf(f, c.options.EmptyAuthkey)
		if err != nil {
			return nil, fmt.Errorf("the key: %s: %w", c.keyFile, err)
		}
		return key, nil
	case c.keyFD >= 0:
		f := os.NewFile(uintptr(c.keyFD), "authkey")
		if f == nil {
			return nil, fmt.Errorf("the key: there is no descriptor %d", c.keyFD)
		}
		if c.keyFD > 2 {
			defer f.Close()
		}
		key, err := keyOf(f, c.options.EmptyAuthkey)
		if err != nil {
			return nil, fmt.Errorf("the key: descriptor %d: %w", c.keyFD, err)
		}
		return key, nil
	}
	return []byte{}, nil // EmptyAuthkey
}

// checkMode refuses a file that others than its owner and group can read or change.
func checkMode(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("it is a directory")
	}
	const others, groupWrites = 0o007, 0o020
	if mode := info.Mode().Perm(); mode&(others|groupWrites) != 0 {
		return fmt.Errorf("others can read or change it (its permissions are %#o): chmod 600 %s", mode, f.Name())
	}
	return nil
}

// keyOf reads a key without the newline that an editor or echo puts at its end. All other bytes are the key's, as for the program in
// Python that the usage shows: a carriage return, too.
func keyOf(r io.Reader, mayBeEmpty bool) ([]byte, error) {
	key, err := io.ReadAll(io.LimitReader(r, maxKey+1))
	switch {
	case err != nil:
		return nil, err
	case len(key) > maxKey:
		return nil, fmt.Errorf("it has more than %d bytes", maxKey)
	}
	key = bytes.TrimSuffix(key, []byte("\n"))
	switch {
	case len(key) == 0 && !mayBeEmpty:
		return nil, errors.New("it is empty; --empty-authkey would allow that")
	case len(key) > 0 && mayBeEmpty:
		return nil, errors.New("it is not empty, but --empty-authkey is set")
	}
	return key, nil
}
