/* SPDX-License-Identifier: MIT */
/*
 * uring_memory: io_uring: rings in the program's own memory, without a descriptor; multishot polls
 * that their own completions wake.
 */
#include "uring.h"
#include "recorded.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define NO_MMAP (1U << 14)
#define REGISTERED_FD_ONLY (1U << 15)
#define BY_NUMBER (1U << 4)

static const char expected[] =
#include "uring_memory.inc"
	;

/* 16 pages: entries first, the rings from the eighth on */
static char *memory;

/* ---- memory ---- */

static int own(unsigned flags, void *entries, void *ring_mem)
{
	memset(&p, 0, sizeof(p));
	p.flags = flags;
	p.sq_off.resv2 = (uintptr_t)entries; /* user_addr */
	p.cq_off.resv2 = (uintptr_t)ring_mem;
	return setup(8, &p);
}

static void use(const char *what, unsigned flags)
{
	char *at = memory + 8 * 4096;

	sq_head = (void *)(at + p.sq_off.head);
	sq_tail = (void *)(at + p.sq_off.tail);
	sq_array = (void *)(at + p.sq_off.array);
	cq_head = (void *)(at + p.cq_off.head);
	cq_tail = (void *)(at + p.cq_off.tail);
	cqes = (void *)(at + p.cq_off.cqes);
	sqes = (void *)memory;
	say("%s: %u %u entries, addresses kept %d %d", what, p.sq_entries, p.cq_entries,
		(char *)(uintptr_t)p.sq_off.resv2 == memory,
		(char *)(uintptr_t)p.cq_off.resv2 == at);
	say("masks %x %x", *(unsigned *)(at + p.sq_off.ring_mask),
		*(unsigned *)(at + p.cq_off.ring_mask));
	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < 4; k++)
			add(IORING_OP_NOP, -1, NULL, 0, 0, 100 + k);
		T(enter(4, 4, IORING_ENTER_GETEVENTS | flags));
		reap(what);
	}
}

static void memories(void)
{
	char *rings_at = memory + 8 * 4096, *ro;
	int fd;

	T(own(REGISTERED_FD_ONLY, memory, rings_at));
	T(own(NO_MMAP, NULL, rings_at));
	T(own(NO_MMAP, memory, NULL));
	T(own(NO_MMAP, memory + 64, rings_at));
	T(own(NO_MMAP, memory, rings_at + 64));
	ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T(own(NO_MMAP, memory, ro));
	T(own(NO_MMAP, ro, rings_at));
	munmap(ro, 4096);
	T(own(NO_MMAP, ro, rings_at));
	memset(memory, 0, 16 * 4096);
	ring = NEED(own(NO_MMAP, memory, rings_at));
	use("own", 0);
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, ring, IORING_OFF_SQ_RING) == MAP_FAILED ? -1 : 0);
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, ring, IORING_OFF_SQES) == MAP_FAILED ? -1 : 0);
	close(ring);
	memset(memory, 0, 16 * 4096);
	fd = NEED(dup(0));
	close(fd);
	ring = T(own(NO_MMAP | REGISTERED_FD_ONLY, memory, rings_at));
	T(fcntl(fd, F_GETFD));
	use("by number", BY_NUMBER);
	T(enter(0, 0, 0));
	T(syscall(SYS_io_uring_register, ring, (1U << 31) | IORING_UNREGISTER_FILES, NULL, 0));
}

/* ---- multishot polls ---- */

/* Prints how often the poll completed, whatever the order of completions. */
static void shots(const char *what)
{
	unsigned n = 0, more = 0, polls = 0;

	go(what, 0);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	T(enter(1, 2, IORING_ENTER_GETEVENTS));
	usleep(100000);
	enter(0, 0, IORING_ENTER_GETEVENTS);
	for (n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		polls += c->user_data == 1;
		more += c->flags & IORING_CQE_F_MORE ? 1 : 0;
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
	say("%s: told %u times, %u with more to come", what, polls, more);
	add(IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 0, 3);
	go(what, 1);
}

static void loops(unsigned flags)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = NEED(epoll_create1(0)), efd = NEED(eventfd(0, 0));

	open_ring(8, flags, 0);
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, ring, &ev));
	add(IORING_OP_POLL_ADD, ep, NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events = POLLIN;
	shots("epoll of the ring");
	close_ring();
	open_ring(8, flags, 0);
	NEED(reg(IORING_REGISTER_EVENTFD, &efd, 1));
	add(IORING_OP_POLL_ADD, efd, NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events = POLLIN;
	shots("its eventfd");
	close_ring();
	close(ep);
	close(efd);
}

TEST(uring_memory)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	memory = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(memory == MAP_FAILED ? -1 : 0);
	loops(0);
	loops(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	memories();
}
