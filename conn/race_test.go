//go:build race

package conn_test

const raceEnabled = true // sync.Pool drops things at random then
