package arena_test

import (
	"testing"

	"github.com/multiproc-go/multiproc/multiproctest"
)

func TestMain(m *testing.M) { multiproctest.Main(m) }
