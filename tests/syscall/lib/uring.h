/* SPDX-License-Identifier: MIT */
/*
 * uring.h: one ring of io_uring without liburing, for the tests: open_ring(), add(), go() or
 * enter(), reap(), close_ring().
 */
#ifndef TESTS_URING_H
#define TESTS_URING_H

#include "t.h"
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <sys/utsname.h>

static int ring = -1;
static struct io_uring_params p;
static unsigned *sq_head, *sq_tail, *sq_array, *sq_flags, *cq_head, *cq_tail;
static struct io_uring_cqe *cqes;
static struct io_uring_sqe *sqes;
static char *rings;
static size_t rings_size;

/*
 * System calls of io_uring; enter() and reg() are for @ring. They return -1 with errno on an error.
 */
static inline int setup(unsigned entries, struct io_uring_params *params)
{
	return syscall(SYS_io_uring_setup, entries, params);
}

static inline long enter(unsigned submit, unsigned min, unsigned flags)
{
	return syscall(SYS_io_uring_enter, ring, submit, min, flags, NULL, 0UL);
}

static inline long reg(unsigned op, const void *arg, unsigned nr)
{
	return syscall(SYS_io_uring_register, ring, op, arg, nr);
}

/*
 * Makes and maps @ring. @entries: of the submission queue. @cq: of the completion queue, if @flags
 * has IORING_SETUP_CQSIZE. Ends the test on an error.
 */
static inline void open_ring(unsigned entries, unsigned flags, unsigned cq)
{
	memset(&p, 0, sizeof(p));
	p.flags = flags;
	p.cq_entries = cq;
	ring = NEED(setup(entries, &p));
	rings_size = p.cq_off.cqes + p.cq_entries * sizeof(*cqes);
	if (rings_size < p.sq_off.array + p.sq_entries * 4)
		rings_size = p.sq_off.array + p.sq_entries * 4;
	rings = mmap(NULL, rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
		IORING_OFF_SQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	NEED(rings == MAP_FAILED || (void *)sqes == MAP_FAILED ? -1 : 0);
	sq_head = (void *)(rings + p.sq_off.head);
	sq_tail = (void *)(rings + p.sq_off.tail);
	sq_flags = (void *)(rings + p.sq_off.flags);
	sq_array = (void *)(rings + p.sq_off.array);
	cq_head = (void *)(rings + p.cq_off.head);
	cq_tail = (void *)(rings + p.cq_off.tail);
	cqes = (void *)(rings + p.cq_off.cqes);
}

static inline void close_ring(void)
{
	munmap(rings, rings_size);
	munmap(sqes, p.sq_entries * sizeof(*sqes));
	close(ring);
	ring = -1;
}

/*
 * Adds a request, for which there must be room. Returns it for further changes, valid until it is
 * submitted.
 */
static inline struct io_uring_sqe *add(
	int op, int fd, const void *addr, unsigned len, uint64_t off, uint64_t data)
{
	unsigned i = *sq_tail & (p.sq_entries - 1);
	struct io_uring_sqe *s = &sqes[i];

	memset(s, 0, sizeof(*s));
	s->opcode = op;
	s->fd = fd;
	s->addr = (uintptr_t)addr;
	s->len = len;
	s->off = off;
	s->user_data = data;
	sq_array[i] = i;
	__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
	return s;
}

/* Returns the number of completions that wait. */
static inline unsigned ready(void)
{
	return __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) - *cq_head;
}

/* Takes and prints all completions. @what begins each line. */
static inline void reap(const char *what)
{
	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		if (c->res < 0)
			say("%s: %lld: %s", what, (long long)c->user_data, t_errno(-c->res));
		else
			say("%s: %lld: %d", what, (long long)c->user_data, c->res);
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
}

/* Reaps in the order of user data (0 to 127), since several requests may complete at once. */
static inline void reap_sorted(const char *what)
{
	int res[128];
	unsigned char seen[128] = { 0 };

	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		res[c->user_data & 127] = c->res;
		seen[c->user_data & 127]++;
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
	for (int i = 0; i < 128; i++)
		if (seen[i])
			say("%s: %d: %s %d times %d", what, i, res[i] < 0 ? t_errno(-res[i]) : "",
				res[i] < 0 ? -1 : res[i], seen[i]);
}

/* Submits all requests that were added and waits for @n completions. */
static inline void go(const char *what, unsigned n)
{
	unsigned todo = *sq_tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE);
	long r = enter(todo, n, IORING_ENTER_GETEVENTS);

	if (r != (long)todo)
		say("%s: enter %u = %ld %s", what, todo, r, r < 0 ? t_errno(errno) : "");
	reap(what);
}

/*
 * True if the host refuses io_uring, as a container may, or is too old: then the test prints the
 * recorded answers.
 */
static inline bool refused(void)
{
	struct io_uring_params q = { 0 };
	struct utsname u;
	int fd = setup(1, &q), major = 0, minor = 0;

	NEED(uname(&u));
	sscanf(u.release, "%d.%d", &major, &minor);
	if (!strstr(u.release, "nestling") && major * 100 + minor < 610)
		return true;
	if (fd == -1)
		return errno == EPERM || errno == ENOSYS;
	close(fd);
	return false;
}

#endif
