package layout

// Signature is a digest of every structure here: name, size, and each field's name, offset, size and
// type. Two programs that differ in one of them do not share an arena. It is a constant, and a test
// computes it, since every child compares it at its start.
const Signature uint64 = 0xda6a0d1a568bfa46
