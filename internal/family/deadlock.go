package family

import (
	"log/slog"

	"github.com/multiproc-go/multiproc/internal/deadlock"
)

// SetLogger says who gets the reports of deadlocks; without it, slog.Default() does. It comes before the first use of the family.
func SetLogger(l *slog.Logger) { own.logger.Store(l) }

// tell passes a report on, as one warning.
func tell(r *deadlock.Report) {
	l := own.logger.Load()
	if l == nil {
		l = slog.Default()
	}
	l.Warn(r.Text)
}
