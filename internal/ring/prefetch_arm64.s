#include "textflag.h"

// func prefetch(from *uint64, n uint64)
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVD from+0(FP), R0
	MOVD n+8(FP), R1
	ADD  R0, R1, R1
again:
	PRFM (R0), PLDL1KEEP
	ADD  $64, R0, R0
	CMP  R1, R0
	BLO  again
	RET
