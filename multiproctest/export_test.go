package multiproctest

import "time"

// SetPatience makes a leak known sooner.
func SetPatience(d time.Duration) { patience = d }
