#include "textflag.h"

// func prefetch(from *uint64, n uint64)
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVQ from+0(FP), AX
	MOVQ n+8(FP), CX
	ADDQ AX, CX
again:
	PREFETCHT0 (AX)
	ADDQ $64, AX
	CMPQ AX, CX
	JB   again
	RET
