/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h: shared by the parts of the system-call fuzzer.
 *
 *	main.c		the supervisor: starts rounds, kills processes that are left, counts leaks
 *	worker.c	a round: a sandbox, threads that make random calls, their children
 *	values.c	random arguments (make_*), as tests/fuzz/kinds asks for them
 *	calls.c		made from kernel/syscall/syscalls.tbl and tests/fuzz/kinds by kinds.awk
 *
 * A thread that makes calls uses no libc but mem*() and no thread-local variable: a random
 * arch_prctl() takes its TLS away.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE 4096ul
/* the memory that calls may map, unmap and protect as they like */
#define PLAY 0x10000000ul
#define PLAY_PAGES 64ul
/* address of struct log, far from memory that a call may overrun */
#define LOG 0x20000000ul
#define BOX "/box" /* the sandbox's root */
/* memory for one call's arguments; an unmapped page follows */
#define SCRATCH (16 * PAGE)
#define MAX_THREADS 8
#define MAX_FD 48
#define RECENT 16

/*
 * A page that the supervisor shares with its workers: the present call of each thread, for the
 * report of a hang.
 */
struct log {
	volatile int nr[MAX_THREADS];
	volatile long args[MAX_THREADS][6];
	volatile long done[MAX_THREADS]; /* calls */
	volatile int children;           /* forked so far in this round */
};

/*
 * pids that no call may name. The page is read-only while calls are made, since calls write
 * anywhere.
 */
struct protect {
	int pid[4];
};
extern struct protect *protect;
/* Sets pid[@index]. */
void protect_pid(int index, int pid);

/* A thread that makes calls, or its child. */
struct thread {
	uint64_t rnd;
	int index;
	char *scratch, *bump; /* @bump: what of it is free */
	long recent[RECENT];  /* results of calls */
	unsigned nrecent;
	/* indices into calls[]: the @nmenu calls of this round */
	const uint16_t *menu;
	int nmenu;
	bool is_child; /* does not fork again */
	struct log *log;
};

/* Returns a random argument. @list: @n constants of the kind (tests/fuzz/kinds), or NULL. */
typedef long maker(struct thread *t, const long *list, int n);

struct arg {
	maker *make;
	const long *list;
	int n;
};

/* A system call: its number and its @nargs arguments. */
struct call {
	int nr, nargs;
	const char *name;
	struct arg args[6];
};

maker make_pid, make_clone_flags, make_buffer, make_number, make_length;

extern const int ncalls;
extern const struct call calls[];

/*
 * A round. @nobody: the calls are made by a user without rights. @tmpfs: the sandbox is a tmpfs.
 * @ncalls: calls that all threads make together.
 */
struct round {
	uint64_t seed;
	bool nobody, tmpfs;
	int nthreads, ncalls;
};

/* Runs a round in this process, and exits. */
void worker(const struct round *r, struct log *log) __attribute__((noreturn));
/* Makes a few calls and exits: the program after an exec by a call. */
void worker_child(uint64_t seed, struct log *log) __attribute__((noreturn));

/* Returns a hash of @x. */
uint64_t mix(uint64_t x);

/* Returns a random number below @n. */
static inline uint32_t rnd(struct thread *t, uint32_t n)
{
	t->rnd = t->rnd * 6364136223846793005ul + 1442695040888963407ul;
	return (uint32_t)(((t->rnd >> 33) * n) >> 31);
}

/* Makes a system call. Returns its result or -errno. */
static inline long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#endif
