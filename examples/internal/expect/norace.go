//go:build !race

package expect

// raceEnabled says that this is a build with -race.
const raceEnabled = false
