package pickle

// OpName is the name of an opcode.
var OpName = opName

// Outline is what an Object is hashed by.
func Outline(v any) uint64 { return new(outliner).outline(v, outlineDepth) }

// ToPython2 and ToPython3 are the names of protocols 0 to 2.
var ToPython2, ToPython3 = toPython2, toPython3

// DecodeUncommon is d.DecodeBytes without the short way for common opcodes.
func DecodeUncommon(d *Decoder, data []byte) (any, error) {
	d.m.uncommon = true
	defer func() { d.m.uncommon = false }()
	return d.DecodeBytes(data)
}
