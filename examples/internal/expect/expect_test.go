package expect

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	tests := []struct {
		name, want, output string
		err                string // how it begins; "" for none
	}{
		{"equal", "a\n\nb\n", "a\n\nb\n", ""},
		{"nothing", "", "", ""},
		{"no newline at the end", "a\n", "a", ""},
		{"windows", "a\r\nb\r\n", "a\nb\n", ""},
		{"different", "a\nb\n", "a\nc\n", "2: want"},
		{"too little", "a\nb\n", "a\n", "2: nothing more"},
		{"too much", "a\n", "a\nb\n", "2: printed beyond"},
		{"empty line too much", "a\n", "a\n\n", "2: printed beyond"},
		{"placeholders", "<pid>: <number> in <seconds> s", "12: 3 in 0.1234 s", ""},
		{"placeholder is whole", "<pid>", "12x", "1: want"},
		{"no expressions", "a.c (<pid>)", "abc (1)", "1: want"},
		{"unknown placeholder", "a\n<pidd>\n", "a\n1\n", "2: there is no placeholder <pidd>"},
		{"any order", "~ a <pid>\n~ b\n~ a <pid>\nc\n", "b\na 1\na 2\nc\n", ""},
		{"any order, but each once", "~ a\n~ b\n", "a\na\n", "2: want"},
		{"any order, but among neighbours", "~ a\nb\n~ c\n", "c\nb\na\n", "1: want"},
		{"any order, too little", "~ a\n~ b\n", "b\n", "2: nothing more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := compare(test.want, test.output)
			switch {
			case err == nil && test.err != "":
				t.Errorf("no error; want %q", test.err)
			case err != nil && (test.err == "" || !strings.HasPrefix(err.Error(), test.err)):
				t.Errorf("got %q, want %q", err, test.err)
			}
		})
	}
}
