package pickle

// How many values share an allocation, in a small message and in others.
const (
	fewBoxes  = 4
	manyBoxes = 16
)

func (m *machine) boxText(s string) any {
	return m.texts.box(s, m.boxCount())
}

func (m *machine) boxInt(v int64) any {
	if v>>8 == 0 {
		return v // the runtime has boxes for these
	}
	return m.ints.box(v, m.boxCount())
}

func (m *machine) boxFloat(v float64) any {
	return m.floats.box(v, m.boxCount())
}

func (m *machine) boxCount() int {
	if m.small {
		return fewBoxes
	}
	return manyBoxes
}

// shareText returns data[from:to] of a small message as a string: a part of one copy of the message, which its first string
// makes, from there on.
func (m *machine) shareText(from, to int) string {
	if m.text == "" {
		m.copyMessage(from)
	}
	return m.text[from-m.textAt : to-m.textAt]
}

// copyMessage copies a small message from a place to its end. Most have few strings: those get their boxes with the copy, in
// one allocation.
func (m *machine) copyMessage(from int) {
	rest := m.data[from:]
	m.textAt = from
	switch n := len(rest); {
	case n <= 32:
		page := new(struct {
			boxes [2]string
			text  [32]byte
		})
		copy(page.text[:], rest)
		m.text, m.texts = stringOf(page.text[:n]), page.boxes[:0]
	case n <= 48:
		page := new(struct {
			boxes [4]string
			text  [48]byte
		})
		copy(page.text[:], rest)
		m.text, m.texts = stringOf(page.text[:n]), page.boxes[:0]
	case n <= 80:
		page := new(struct {
			boxes [4]string
			text  [80]byte
		})
		copy(page.text[:], rest)
		m.text, m.texts = stringOf(page.text[:n]), page.boxes[:0]
	default:
		m.text = string(rest)
	}
}
