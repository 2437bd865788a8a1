/* SPDX-License-Identifier: MIT */
/*
 * lockdep.c: the graph of lock classes, and the locks that the current task holds (lockdep.h).
 *
 * Classes are found by name in a small open hash; the graph is a matrix of bits. Both only grow. graph_word, a bare
 * test-and-set word, guards the growing: the checker cannot use the locks that it checks. The first report turns
 * the checker off, because after it the graph says little.
 */
#include "kernel/lib/debug/lockdep.h"

#ifdef CONFIG_DEBUG
#include "arch/um/machine/arch.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/* The table of symbols (kernel/lib/ksyms.c), where there is one. */
const char *ksym_lookup(u64 addr, u64 *offset) __weak;

#define MAX_CLASSES 512
#define WORDS (MAX_CLASSES / 64)

static const char *class_name[MAX_CLASSES];
static u64 after[MAX_CLASSES][WORDS]; /* after[a] has b: b was taken while a was held */
static u32 nr_classes = 1;            /* class 0: no name, not checked */
static u32 graph_word;
static bool off;
static struct held_locks *held_by[MAX_CPUS];

static void graph_lock(void)
{
	while (xchg(&graph_word, 1))
		cpu_relax();
}

static void graph_unlock(void)
{
	smp_store_release(&graph_word, 0);
}

/* Under the graph lock. 0 when the table is full. */
static u16 class_of(const char *name)
{
	u32 i;

	for (i = 1; i < nr_classes; i++)
		if (class_name[i] == name || !strcmp(class_name[i], name))
			return (u16)i;
	if (nr_classes == MAX_CLASSES)
		return 0;
	class_name[nr_classes] = name;
	return (u16)nr_classes++;
}

static bool reachable(u32 from, u32 to)
{
	static u64 seen[WORDS]; /* under the graph lock */
	static u16 todo[MAX_CLASSES];
	u32 n = 0;

	memset(seen, 0, sizeof(seen));
	todo[n++] = (u16)from;
	while (n) {
		u32 c = todo[--n];

		if (c == to)
			return true;
		for (u32 w = 0; w < WORDS; w++) {
			u64 fresh = after[c][w] & ~seen[w];

			seen[w] |= fresh;
			for (; fresh; fresh &= fresh - 1)
				todo[n++] = (u16)(w * 64 + (u32)__builtin_ctzl(fresh));
		}
	}
	return false;
}

static void report(const char *what, u32 a, u32 b, const void *ip)
{
	off = true;
	graph_unlock();
	printk(KERN_ERR "lockdep: %s: %s, then %s at %p\n", what, class_name[a], class_name[b], ip);
	arch_dump_stack();
	graph_lock();
}

static void check_edge(
	const struct held_locks *h, u32 i, const void *lock, u16 class, const void *ip)
{
	u16 outer = h->held[i].class;

	if (!outer || off)
		return;
	if (outer == class) {
		if (h->held[i].lock == lock && !h->same_class_next)
			report("a lock taken twice", outer, class, ip);
		return; /* the order within a class is the caller's business */
	}
	if (after[outer][class / 64] & BIT(class % 64))
		return;
	if (reachable(class, outer))
		report("order of locks closes a cycle", outer, class, ip);
	after[outer][class / 64] |= BIT(class % 64);
}

void lockdep_acquire(const void *lock, const char *name, bool spin, bool try, const void *ip)
{
	struct held_locks *h = held_by[smp_processor_id()];
	u16 class = 0;

	if (!h || off)
		return;
	graph_lock();
	if (name)
		class = class_of(name);
	if (class && !try)
		for (u32 i = 0; i < h->nr; i++)
			check_edge(h, i, lock, class, ip);
	if (!spin && h->spinning)
		report("a lock that sleeps inside a spinlock", h->held[h->nr - 1].class, class, ip);
	graph_unlock();
	h->same_class_next = false;
	if (h->nr == MAX_HELD_LOCKS) {
		off = true;
		printk(KERN_ERR "lockdep: too many locks held; off\n");
		return;
	}
	h->held[h->nr].lock = lock;
	h->held[h->nr].ip = ip;
	h->held[h->nr].class = class;
	h->held[h->nr].spin = spin;
	h->nr++;
	h->spinning += spin;
}

void lockdep_release(const void *lock)
{
	struct held_locks *h = held_by[smp_processor_id()];
	u32 i;

	if (!h)
		return;
	for (i = h->nr; i--;)
		if (h->held[i].lock == lock)
			break;
	if (i == (u32)-1)
		return; /* taken before the checker knew this task, or by another one */
	h->spinning -= h->held[i].spin;
	h->nr--;
	for (; i < h->nr; i++)
		h->held[i] = h->held[i + 1];
}

void lockdep_same_class_next(void)
{
	struct held_locks *h = held_by[smp_processor_id()];

	if (h)
		h->same_class_next = true;
}

void lockdep_switch(int cpu, struct held_locks *h)
{
	held_by[cpu] = h;
}

void lockdep_print_held(const struct held_locks *h)
{
	for (u32 i = 0; i < h->nr; i++)
		printk(KERN_ERR " holds %s, taken at %p\n", class_name[h->held[i].class],
			h->held[i].ip);
}

const void *lockdep_atomic_begin(const void *func)
{
	struct held_locks *h = held_by[smp_processor_id()];
	const void *outer;

	if (!h)
		return NULL;
	outer = h->atomic;
	h->atomic = func;
	return outer;
}

void lockdep_atomic_end(const void *outer)
{
	struct held_locks *h = held_by[smp_processor_id()];

	if (h)
		h->atomic = outer;
}

void might_sleep(void)
{
	struct held_locks *h = held_by[smp_processor_id()];
	const void *func = h ? h->atomic : NULL;
	const char *name = NULL;
	u64 offset;

	if (unlikely(h && h->spinning))
		panic("what may sleep is called with a spinlock held (%s), at %p",
			class_name[h->held[h->nr - 1].class], __builtin_return_address(0));
	if (likely(!func))
		return;
	h->atomic = NULL; /* the end may sleep */
	if (ksym_lookup)
		name = ksym_lookup((u64)func, &offset);
	panic("%s (%p) runs at a boundary and may not sleep, but calls what may, at %p",
		name ? name : "?", func, __builtin_return_address(0));
}

int spin_depth(void)
{
	struct held_locks *h = held_by[smp_processor_id()];

	return h ? (int)h->spinning : 0;
}
#else
int spin_depth(void)
{
	return 0;
}
#endif
