// What C can do on the same machine. Each command prints one number per sample, in
// nanoseconds.
//
//	peers pair  plain|robust|sem|read|write MS   lock and unlock, nobody else there
//	peers hammer plain|robust|sem|read PROCESSES MS PIN   the same, by several processes at once, around an increment (not under read)
//	peers add PROCESSES MS PIN                   an atomic addition
//	peers copy BYTES MS                          memcpy
//	peers wake futex|robust N                    from the release to the run of a waiter that slept
//	peers meet futex|cond|barrier PROCESSES N    from one that wakes to the run of the other, in turn; or a round of a barrier
//	peers kill WAITERS N                         from the SIGKILL of a robust mutex's holder to the next one
//
// With PIN 1, process i runs on the i-th of the CPUs that it was given.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE _Alignas(128)

// What all processes share; nothing that one writes lies beside what another reads.
struct shared {
	LINE pthread_mutex_t mutex;
	LINE sem_t sem;
	LINE pthread_rwlock_t rwlock;
	LINE uint64_t counter;
	LINE _Atomic uint64_t sum;
	LINE _Atomic uint32_t start;
	LINE _Atomic uint32_t stop;
	LINE _Atomic uint32_t ready;
	LINE _Atomic uint64_t ops;
	LINE _Atomic uint32_t word;
	LINE _Atomic int64_t when;
	LINE pthread_mutex_t gate[2];
	LINE _Atomic uint32_t done;
	LINE _Atomic uint32_t bell[2];
	LINE pthread_cond_t cond[2];
	LINE pthread_barrier_t barrier;
	LINE uint32_t turn;
};

static struct shared *sh;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void nap(int64_t ns)
{
	struct timespec t = {ns / 1000000000, ns % 1000000000};
	nanosleep(&t, NULL);
}

static void init_mutex(pthread_mutex_t *m, int robust)
{
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	if (robust)
		pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	if (pthread_mutex_init(m, &a) != 0)
		die("pthread_mutex_init");
}

static void pin(int i)
{
	cpu_set_t have, want;
	if (sched_getaffinity(0, sizeof have, &have) != 0)
		die("sched_getaffinity");
	i %= CPU_COUNT(&have);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &have) && i-- == 0) {
			CPU_ZERO(&want);
			CPU_SET(cpu, &want);
			if (sched_setaffinity(0, sizeof want, &want) != 0)
				die("sched_setaffinity");
			return;
		}
	}
}

static pid_t child(void)
{
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

// use prepares the lock that is named and returns which it is.
static int use(const char *name)
{
	if (strcmp(name, "sem") == 0) {
		if (sem_init(&sh->sem, 1, 1) != 0)
			die("sem_init");
		return 's';
	}
	if (strcmp(name, "read") == 0 || strcmp(name, "write") == 0) {
		pthread_rwlockattr_t a;
		pthread_rwlockattr_init(&a);
		pthread_rwlockattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
		if (pthread_rwlock_init(&sh->rwlock, &a) != 0)
			die("pthread_rwlock_init");
		return name[0];
	}
	init_mutex(&sh->mutex, strcmp(name, "robust") == 0);
	return 'm';
}

static inline void lock(int kind)
{
	if (kind == 's') {
		while (sem_wait(&sh->sem) != 0) {
		}
	} else if (kind == 'r') {
		pthread_rwlock_rdlock(&sh->rwlock);
	} else if (kind == 'w') {
		pthread_rwlock_wrlock(&sh->rwlock);
	} else if (pthread_mutex_lock(&sh->mutex) == EOWNERDEAD) {
		pthread_mutex_consistent(&sh->mutex);
	}
}

static inline void unlock(int kind)
{
	if (kind == 's')
		sem_post(&sh->sem);
	else if (kind != 'm')
		pthread_rwlock_unlock(&sh->rwlock);
	else
		pthread_mutex_unlock(&sh->mutex);
}

static void pair(const char *name, int64_t ms)
{
	int kind = use(name);
	int64_t begin = now(), ops = 0;
	while (now() - begin < ms * 1000000) {
		for (int i = 0; i < 10000; i++) {
			lock(kind);
			unlock(kind);
		}
		ops += 10000;
	}
	printf("%.4f\n", (double)(now() - begin) / ops);
}

// together runs body in several processes for a while; it adds to sh->ops.
static void together(int processes, int64_t ms, int pinned, void (*body)(int), int arg)
{
	for (int i = 0; i < processes; i++) {
		if (child() != 0)
			continue;
		if (pinned)
			pin(i);
		sh->ready++;
		while (!sh->start)
			nap(100000);
		body(arg);
		_exit(0);
	}
	while (sh->ready < (uint32_t)processes)
		nap(100000);
	int64_t begin = now();
	sh->start = 1;
	nap(ms * 1000000);
	sh->stop = 1;
	int64_t end = now();
	while (wait(NULL) > 0) {
	}
	printf("%.4f\n", (double)(end - begin) / sh->ops);
}

static void hammer_body(int kind)
{
	uint64_t ops = 0;
	for (; !atomic_load_explicit(&sh->stop, memory_order_relaxed); ops++) {
		lock(kind);
		if (kind != 'r')
			sh->counter++;
		unlock(kind);
	}
	sh->ops += ops;
}

static void hammer(const char *name, int processes, int64_t ms, int pinned)
{
	int kind = use(name);
	together(processes, ms, pinned, hammer_body, kind);
	if (kind != 'r' && sh->counter != sh->ops) {
		fprintf(stderr, "%lu increments, counted %lu\n", sh->ops, sh->counter);
		exit(1);
	}
}

static void add_body(int arg)
{
	uint64_t ops = 0;
	(void)arg;
	while (!atomic_load_explicit(&sh->stop, memory_order_relaxed)) {
		for (int i = 0; i < 100; i++)
			atomic_fetch_add(&sh->sum, 1);
		ops += 100;
	}
	sh->ops += ops;
}

static void copy(size_t bytes, int64_t ms)
{
	char *from = aligned_alloc(64, (bytes + 63) & ~(size_t)63), *to = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	int64_t begin = now(), ops = 0;
	memset(from, 1, bytes);
	while (now() - begin < ms * 1000000) {
		for (int i = 0; i < 10000; i++) {
			__asm__ volatile("" : "+r"(bytes) : : "memory"); // the size is not a constant
			memcpy(to, from, bytes);
		}
		__asm__ volatile("" : : "r"(to) : "memory");
		ops += 10000;
	}
	printf("%.4f\n", (double)(now() - begin) / ops);
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

#define SETTLE 300000 // until a waiter sleeps

static void wake_futex(int n)
{
	if (child() == 0) {
		for (uint32_t i = 1; i <= (uint32_t)n; i++) {
			while (sh->word != i)
				futex(&sh->word, FUTEX_WAIT, i - 1);
			int64_t t = now();
			printf("%ld\n", (long)(t - sh->when));
			fflush(stdout);
			sh->done = i;
		}
		_exit(0);
	}
	for (uint32_t i = 1; i <= (uint32_t)n; i++) {
		nap(SETTLE);
		sh->when = now();
		sh->word = i;
		futex(&sh->word, FUTEX_WAKE, 1);
		while (sh->done != i)
			nap(50000);
	}
	wait(NULL);
}

static void wake_robust(int n)
{
	init_mutex(&sh->mutex, 1);
	if (child() == 0) {
		for (uint32_t i = 1; i <= (uint32_t)n; i++) {
			while (sh->word != i)
				nap(50000);
			lock('m');
			int64_t t = now();
			printf("%ld\n", (long)(t - sh->when));
			fflush(stdout);
			unlock('m');
			sh->done = i;
		}
		_exit(0);
	}
	for (uint32_t i = 1; i <= (uint32_t)n; i++) {
		lock('m');
		sh->word = i;
		nap(SETTLE);
		sh->when = now();
		unlock('m');
		while (sh->done != i)
			nap(50000);
	}
	wait(NULL);
}

// Waiters come to the gates, which the parent holds, in turn; then to the mutex.
static void kill_waiter(int n)
{
	for (int i = 0; i < n; i++) {
		pthread_mutex_lock(&sh->gate[i % 2]);
		pthread_mutex_unlock(&sh->gate[i % 2]);
		sh->ready++;
		lock('m');
		int64_t none = 0, t = now();
		atomic_compare_exchange_strong(&sh->when, &none, t);
		unlock('m');
		sh->done++;
	}
	_exit(0);
}

static void kill_holder(int waiters, int n)
{
	init_mutex(&sh->mutex, 1);
	for (int i = 0; i < 2; i++) {
		init_mutex(&sh->gate[i], 0);
		pthread_mutex_lock(&sh->gate[i]);
	}
	for (int i = 0; i < waiters; i++)
		if (child() == 0)
			kill_waiter(n);
	for (int i = 0; i < n; i++) {
		sh->ready = sh->done = sh->word = 0;
		sh->when = 0;
		pid_t victim = child();
		if (victim == 0) {
			lock('m');
			sh->word = 1;
			for (;;)
				pause();
		}
		while (!sh->word)
			nap(50000);
		pthread_mutex_unlock(&sh->gate[i % 2]);
		while (sh->ready < (uint32_t)waiters)
			nap(100000);
		pthread_mutex_lock(&sh->gate[i % 2]);
		nap(waiters > 1 ? 10000000 : 1000000);
		int64_t begin = now();
		kill(victim, SIGKILL);
		waitpid(victim, NULL, 0);
		while (sh->done < (uint32_t)waiters)
			nap(200000);
		printf("%ld\n", (long)(sh->when - begin));
	}
	while (wait(NULL) > 0) {
	}
}

static void ring(int i)
{
	sh->bell[i]++;
	futex(&sh->bell[i], FUTEX_WAKE, 1);
}

static void hear(int i, uint32_t n)
{
	while (sh->bell[i] == n)
		futex(&sh->bell[i], FUTEX_WAIT, n);
}

static void give(int i)
{
	pthread_mutex_lock(&sh->mutex);
	sh->turn = i;
	pthread_mutex_unlock(&sh->mutex);
	pthread_cond_signal(&sh->cond[i]);
}

static void take(int i)
{
	pthread_mutex_lock(&sh->mutex);
	while (sh->turn != (uint32_t)i)
		pthread_cond_wait(&sh->cond[i], &sh->mutex);
	pthread_mutex_unlock(&sh->mutex);
}

// meet_rounds is the part of process i, on a CPU of its own as far as there are any.
static void meet_rounds(const char *what, int i, int n)
{
	pin(i);
	pthread_barrier_wait(&sh->barrier);
	int64_t begin = now();
	for (int k = 0; k < n; k++) {
		if (strcmp(what, "barrier") == 0) {
			pthread_barrier_wait(&sh->barrier);
		} else if (strcmp(what, "cond") == 0) {
			if (i == 0)
				give(1);
			take(i);
			if (i == 1)
				give(0);
		} else {
			if (i == 0)
				ring(1);
			hear(i, k);
			if (i == 1)
				ring(0);
		}
	}
	int64_t took = now() - begin;
	if (i == 0)
		printf("%.4f\n", (double)took / (strcmp(what, "barrier") == 0 ? n : 2 * n));
	fflush(stdout);
}

static void meet(const char *what, int processes, int n)
{
	init_mutex(&sh->mutex, 0);
	sh->turn = 2;
	pthread_condattr_t c;
	pthread_condattr_init(&c);
	pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
	for (int i = 0; i < 2; i++)
		pthread_cond_init(&sh->cond[i], &c);
	pthread_barrierattr_t b;
	pthread_barrierattr_init(&b);
	pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&sh->barrier, &b, processes);
	for (int i = 0; i < processes; i++) {
		if (child() == 0) {
			meet_rounds(what, i, n);
			_exit(0);
		}
	}
	while (wait(NULL) > 0) {
	}
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		die("mmap");
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(command, "pair") == 0 && argc == 4) {
		pair(argv[2], atol(argv[3]));
	} else if (strcmp(command, "hammer") == 0 && argc == 6) {
		hammer(argv[2], atoi(argv[3]), atol(argv[4]), atoi(argv[5]));
	} else if (strcmp(command, "add") == 0 && argc == 5) {
		together(atoi(argv[2]), atol(argv[3]), atoi(argv[4]), add_body, 0);
	} else if (strcmp(command, "copy") == 0 && argc == 4) {
		copy(atol(argv[2]), atol(argv[3]));
	} else if (strcmp(command, "wake") == 0 && argc == 4) {
		if (strcmp(argv[2], "futex") == 0)
			wake_futex(atoi(argv[3]));
		else
			wake_robust(atoi(argv[3]));
	} else if (strcmp(command, "meet") == 0 && argc == 5) {
		meet(argv[2], atoi(argv[3]), atoi(argv[4]));
	} else if (strcmp(command, "kill") == 0 && argc == 4) {
		kill_holder(atoi(argv[2]), atoi(argv[3]));
	} else {
		fprintf(stderr, "usage: see the head of peers.c\n");
		return 2;
	}
	return 0;
}
