package pickle

import "fmt"

// Opcodes, by the names of Python's pickletools.
const (
	opMark            = '('
	opEmptyTuple      = ')'
	opStop            = '.'
	opPop             = '0'
	opPopMark         = '1'
	opDup             = '2'
	opBinbytes        = 'B'
	opShortBinbytes   = 'C'
	opFloat           = 'F'
	opBinfloat        = 'G'
	opInt             = 'I'
	opBinint          = 'J'
	opBinint1         = 'K'
	opLong            = 'L'
	opBinint2         = 'M'
	opNone            = 'N'
	opPersid          = 'P'
	opBinpersid       = 'Q'
	opReduce          = 'R'
	opString          = 'S'
	opBinstring       = 'T'
	opShortBinstring  = 'U'
	opUnicode         = 'V'
	opBinunicode      = 'X'
	opEmptyList       = ']'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opDict            = 'd'
	opAppends         = 'e'
	opGet             = 'g'
	opBinget          = 'h'
	opInst            = 'i'
	opLongBinget      = 'j'
	opList            = 'l'
	opObj             = 'o'
	opPut             = 'p'
	opBinput          = 'q'
	opLongBinput      = 'r'
	opSetitem         = 's'
	opTuple           = 't'
	opSetitems        = 'u'
	opEmptyDict       = '}'
	opProto           = 0x80
	opNewobj          = 0x81
	opExt1            = 0x82
	opExt2            = 0x83
	opExt4            = 0x84
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewtrue         = 0x88
	opNewfalse        = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opShortBinunicode = 0x8c
	opBinunicode8     = 0x8d
	opBinbytes8       = 0x8e
	opEmptySet        = 0x8f
	opAdditems        = 0x90
	opFrozenset       = 0x91
	opNewobjEx        = 0x92
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
	opBytearray8      = 0x96
	opNextBuffer      = 0x97
	opReadonlyBuffer  = 0x98
)

// opName is the name of an opcode in pickletools.
func opName(op byte) string {
	switch op {
	case opMark:
		return "MARK"
	case opEmptyTuple:
		return "EMPTY_TUPLE"
	case opStop:
		return "STOP"
	case opPop:
		return "POP"
	case opPopMark:
		return "POP_MARK"
	case opDup:
		return "DUP"
	case opBinbytes:
		return "BINBYTES"
	case opShortBinbytes:
		return "SHORT_BINBYTES"
	case opFloat:
		return "FLOAT"
	case opBinfloat:
		return "BINFLOAT"
	case opInt:
		return "INT"
	case opBinint:
		return "BININT"
	case opBinint1:
		return "BININT1"
	case opLong:
		return "LONG"
	case opBinint2:
		return "BININT2"
	case opNone:
		return "NONE"
	case opPersid:
		return "PERSID"
	case opBinpersid:
		return "BINPERSID"
	case opReduce:
		return "REDUCE"
	case opString:
		return "STRING"
	case opBinstring:
		return "BINSTRING"
	case opShortBinstring:
		return "SHORT_BINSTRING"
	case opUnicode:
		return "UNICODE"
	case opBinunicode:
		return "BINUNICODE"
	case opEmptyList:
		return "EMPTY_LIST"
	case opAppend:
		return "APPEND"
	case opBuild:
		return "BUILD"
	case opGlobal:
		return "GLOBAL"
	case opDict:
		return "DICT"
	case opAppends:
		return "APPENDS"
	case opGet:
		return "GET"
	case opBinget:
		return "BINGET"
	case opInst:
		return "INST"
	case opLongBinget:
		return "LONG_BINGET"
	case opList:
		return "LIST"
	case opObj:
		return "OBJ"
	case opPut:
		return "PUT"
	case opBinput:
		return "BINPUT"
	case opLongBinput:
		return "LONG_BINPUT"
	case opSetitem:
		return "SETITEM"
	case opTuple:
		return "TUPLE"
	case opSetitems:
		return "SETITEMS"
	case opEmptyDict:
		return "EMPTY_DICT"
	case opProto:
		return "PROTO"
	case opNewobj:
		return "NEWOBJ"
	case opExt1:
		return "EXT1"
	case opExt2:
		return "EXT2"
	case opExt4:
		return "EXT4"
	case opTuple1:
		return "TUPLE1"
	case opTuple2:
		return "TUPLE2"
	case opTuple3:
		return "TUPLE3"
	case opNewtrue:
		return "NEWTRUE"
	case opNewfalse:
		return "NEWFALSE"
	case opLong1:
		return "LONG1"
	case opLong4:
		return "LONG4"
	case opShortBinunicode:
		return "SHORT_BINUNICODE"
	case opBinunicode8:
		return "BINUNICODE8"
	case opBinbytes8:
		return "BINBYTES8"
	case opEmptySet:
		return "EMPTY_SET"
	case opAdditems:
		return "ADDITEMS"
	case opFrozenset:
		return "FROZENSET"
	case opNewobjEx:
		return "NEWOBJ_EX"
	case opStackGlobal:
		return "STACK_GLOBAL"
	case opMemoize:
		return "MEMOIZE"
	case opFrame:
		return "FRAME"
	case opBytearray8:
		return "BYTEARRAY8"
	case opNextBuffer:
		return "NEXT_BUFFER"
	case opReadonlyBuffer:
		return "READONLY_BUFFER"
	}
	return fmt.Sprintf("opcode %#02x", op)
}
