package state

import (
	"strconv"
	"strings"

	"github.com/multiproc-go/multiproc/pickle"
)

// arguments returns "1 argument", "2 arguments".
func arguments(n int) string { return count(n, "argument") }

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// signature is that of a function written in Python.
type signature struct {
	name     string
	self     int // 1 if Python counts an argument self
	params   []string
	required int
}

// bind gives each parameter its argument, or absent.
func (f signature) bind(args []any, kwargs *pickle.Dict) ([]any, error) {
	bound := make([]any, len(f.params))
	for i := range bound {
		bound[i] = absent
		if i < len(args) {
			bound[i] = args[i]
		}
	}
	if kwargs != nil {
		for key, value := range kwargs.All() {
			i := f.index(key)
			switch {
			case i < 0:
				return nil, typeError("%s() got an unexpected keyword argument '%s'", f.name, key)
			case i < len(args):
				return nil, typeError("%s() got multiple values for argument '%s'", f.name, key)
			}
			bound[i] = value
		}
	}
	if n := len(args); n > len(f.params) {
		takes := strconv.Itoa(len(f.params) + f.self)
		if f.required < len(f.params) {
			takes = "from " + strconv.Itoa(f.required+f.self) + " to " + takes
		}
		plural := "s"
		if f.required == len(f.params) && len(f.params)+f.self == 1 {
			plural = ""
		}
		were := "were"
		if n+f.self == 1 {
			were = "was"
		}
		return nil, typeError("%s() takes %s positional argument%s but %d %s given", f.name, takes, plural, n+f.self, were)
	}
	var missing []string
	for i := range f.required {
		if bound[i] == absent {
			missing = append(missing, "'"+f.params[i]+"'")
		}
	}
	if n := len(missing); n > 0 {
		list := missing[0]
		switch {
		case n == 2:
			list += " and " + missing[1]
		case n > 2:
			list = strings.Join(missing[:n-1], ", ") + ", and " + missing[n-1]
		}
		return nil, typeError("%s() missing %s: %s", f.name, count(n, "required positional argument"), list)
	}
	return bound, nil
}

func (f signature) index(key any) int {
	for i, param := range f.params {
		if key == param {
			return i
		}
	}
	return -1
}

// absent is the value of an argument that was not given.
var absent any = absentType{}

type absentType struct{}
