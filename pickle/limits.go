package pickle

// Limits are the budgets of a Decoder or an Encoder. A field that is zero means its default, a negative one no limit.
// To go over one is a *LimitError that names the field.
//
// The defaults are for a server that reads what others send: whatever the data, one message ends in seconds and in
// the Memory that is allowed.
type Limits struct {
	Bytes  int64 // length of a pickle that is decoded; by default 64 MiB
	Nodes  int64 // objects in it; by default 4 Mi
	Depth  int64 // values in values in it, or in a graph that is encoded; by default 10,000
	Memory int64 // of what is decoded, about, in bytes; by default 256 MiB
	Work   int64 // steps of hashing and comparing keys while decoding; by default 64 Mi
	Digits int64 // of an int that a pickle has in decimal, either way; by default 4300, as in Python
	Output int64 // bytes of a pickle that is encoded; by default 256 MiB
}

const defaultDigits = 4300

// effective returns the limits that l stands for.
func (l Limits) effective() Limits {
	return Limits{
		Bytes:  limitOf(l.Bytes, 64<<20),
		Nodes:  limitOf(l.Nodes, 4<<20),
		Depth:  limitOf(l.Depth, 10_000),
		Memory: limitOf(l.Memory, 256<<20),
		Work:   limitOf(l.Work, 64<<20),
		Digits: limitOf(l.Digits, defaultDigits),
		Output: limitOf(l.Output, 256<<20),
	}
}

func limitOf(field, byDefault int64) int64 {
	switch {
	case field == 0:
		return byDefault
	case field < 0:
		return 1<<63 - 1
	}
	return field
}

// budget is what is left of a limit. A nil one has no end.
type budget struct {
	left, limit int64
	name        string
}

func (b *budget) spend(n int) error {
	if b == nil {
		return nil
	}
	if b.left -= int64(n); b.left < 0 {
		return &LimitError{b.name, b.limit}
	}
	return nil
}
