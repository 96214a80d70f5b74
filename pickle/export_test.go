package pickle

// OpName is the name of an opcode.
var OpName = opName

// Outline is what an Object is hashed by.
func Outline(v any) uint64 { return new(outliner).outline(v, outlineDepth) }
