// Bench measures multiproc beside its peers, on the machine that it runs on.
//
//	go run ./bench                        everything, some ten minutes
//	go run ./bench -quick                 the same with few repetitions, under a minute
//	go run ./bench -only lock,add-2       some workloads: by name, or all that begin with it and a dash
//	go run ./bench -json FILE -markdown FILE -svg FILE
//
// The systems of a workload are measured in turn, round after round, so that whatever
// else the machine does meets all of them alike. What is shown is the median of the
// rounds, and their smallest and largest.
//
// The peers are CPython's multiprocessing, the locks of the C library, and what Go has
// for goroutines; their programs are in the folder peers. Whatever the machine lacks is
// shown as not measured. Compare the numbers of one run only.
package main
