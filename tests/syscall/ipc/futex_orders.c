/* SPDX-License-Identifier: MIT */
/*
 * futex_orders: which error futex(2) reports if several things are wrong, and what a refused or an
 * orphaned lock leaves in its word.
 */
#include "t.h"
#include <linux/futex.h>

#define NOBODY 0x3fffffff /* no thread has this number */

static uint32_t *word; /* shared with the children */

static long fu(void *addr, int op, uint32_t val, void *addr2, uint32_t val3)
{
	return syscall(SYS_futex, addr, op, val, NULL, addr2, val3);
}

static uint32_t op_of(uint32_t op, uint32_t arg)
{
	return op << 28 | arg << 12;
}

/*
 * If the first address is bad, the second word does not change. An unknown operation is reported
 * only if both addresses are good.
 */
static void wake_op(void)
{
	char *gone = t_unmapped();

	word[1] = 5;
	T(fu(BAD, FUTEX_WAKE_OP, 1, word + 1, op_of(FUTEX_OP_SET, 7)));
	T(fu(NULL, FUTEX_WAKE_OP, 1, word + 1, op_of(FUTEX_OP_SET, 7)));
	T(fu((char *)word + 1, FUTEX_WAKE_OP, 1, word + 1, op_of(FUTEX_OP_SET, 7)));
	say("left: %u", word[1]);
	T(fu((char *)word + 1, FUTEX_WAKE_OP, 1, gone, op_of(FUTEX_OP_SET, 7)));
	T(fu(NULL, FUTEX_WAKE_OP, 1, (char *)word + 1, op_of(FUTEX_OP_SET, 7)));
	T(fu(NULL, FUTEX_WAKE_OP, 1, word + 1, op_of(6, 7)));
	T(fu(word, FUTEX_WAKE_OP_PRIVATE, 1, NULL, op_of(6, 7)));
	T(fu(word, FUTEX_WAKE_OP_PRIVATE, 1, NULL, op_of(FUTEX_OP_SET, 7)));
	T(fu(word, FUTEX_WAKE_OP, 1, word + 1, op_of(FUTEX_OP_SET, 7)));
	say("left: %u", word[1]);
}

static void unlock(void)
{
	char *page = t_pages(1);

	T(fu(NULL, FUTEX_UNLOCK_PI, 0, NULL, 0));
	T(fu(page + 2, FUTEX_UNLOCK_PI, 0, NULL, 0));
	*(uint32_t *)(page + 2) = (uint32_t)getpid();
	T(fu(page + 2, FUTEX_UNLOCK_PI, 0, NULL, 0));
	*(uint32_t *)page = 0;
	NEED(mprotect(page, PAGE, PROT_READ));
	T(fu(page, FUTEX_UNLOCK_PI, 0, NULL, 0));
	NEED(munmap(page, PAGE));
	T(fu(page, FUTEX_UNLOCK_PI, 0, NULL, 0));
}

/* A waiter on a page that cannot be written is refused, whatever the page contains. */
static void read_only(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(page == MAP_FAILED ? -1 : 0);
	T(fu(page, FUTEX_WAIT, 1, NULL, 0));
	T(fu(page, FUTEX_WAIT_PRIVATE, 1, NULL, 0));
	T(fu(page + 2, FUTEX_WAIT, 1, NULL, 0));
	T(syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 77, BAD, NULL, 0));
	T(syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 77, NULL, NULL, 0));
}

static void try_lock(void)
{
	*word = NOBODY;
	T(fu(word, FUTEX_TRYLOCK_PI, 0, NULL, 0));
	say("left: %x", *word);
	CHILD({
		*word = (uint32_t)getppid();
		T(fu(word, FUTEX_TRYLOCK_PI, 0, NULL, 0));
		say("waiters: %x", *word & ~(uint32_t)FUTEX_TID_MASK);
		*word = FUTEX_WAITERS | FUTEX_OWNER_DIED;
		T(fu(word, FUTEX_TRYLOCK_PI, 0, NULL, 0));
		say("waiters: %x", *word & ~(uint32_t)FUTEX_TID_MASK);
	});
}

/* The owner of a word ends: the word keeps its waiters bit, also a PI lock. */
static void orphan(int pi, uint32_t flags)
{
	CHILD({
		struct robust_list_head *head = (void *)(word + 64);
		struct robust_list *entry = (void *)(word + 32);

		head->list.next = (void *)((uintptr_t)entry | (uintptr_t)pi);
		head->futex_offset = (char *)(word + 40) - (char *)entry;
		head->list_op_pending = NULL;
		entry->next = &head->list;
		word[40] = (uint32_t)getpid() | flags;
		NEED(syscall(SYS_set_robust_list, head, sizeof(*head)));
	});
	say("pi %d, flags %x: left %x", pi, flags, word[40]);
}

TEST(futex_orders)
{
	word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(word == MAP_FAILED ? -1 : 0);
	wake_op();
	unlock();
	read_only();
	try_lock();
	for (int pi = 0; pi < 2; pi++) {
		orphan(pi, 0);
		orphan(pi, FUTEX_WAITERS);
	}
}
