/* SPDX-License-Identifier: MIT */
/*
 * lockdep.c: the graph of lock classes, and the locks that the current task holds (lockdep.h).
 *
 * A class is found by the address of its name in a small hash table, and by comparing names when
 * the address is new. The graph is a matrix of bits; a list also holds each edge with the place
 * that made it. These tables only grow, so a lock whose class and edges are known is checked
 * without locking. graph_word, a bare test-and-set word, guards additions: the checker cannot use
 * the locks that it checks. The first report turns the checker off, because after it the graph is
 * unreliable.
 *
 * With lock_edges=FILE the graph is written at power-off; tools/lint/locks compares it with the
 * order of locks (kernel/lib/lock_order).
 */
#include "kernel/lib/debug/lockdep.h"

#ifdef CONFIG_DEBUG
#include "arch/um/machine/arch.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/* The table of symbols (kernel/lib/ksyms.c), if it is linked. */
const char *ksym_lookup(u64 addr, u64 *offset) __weak;

#define MAX_CLASSES 512
#define WORDS (MAX_CLASSES / 64)
/* A power of two; a name may have several addresses. */
#define MAX_NAMES 2048
#define MAX_EDGES 8192

static const char *class_name[MAX_CLASSES];
static bool class_spins[MAX_CLASSES], class_sleeps[MAX_CLASSES];
/* An address of a name, and the class of that name. @class is 0 while the row is free. */
static struct {
	const char *name;
	u16 class;
} names[MAX_NAMES];
static struct edge {
	u16 outer, inner;
	/* Taken by a function that runs at a boundary. */
	bool boundary;
	const void *ip;
} edges[MAX_EDGES];
static u32 nr_edges;
/* Places that took locks without a class: they were not initialised, or not by a macro. */
static const void *nameless[8];
static u32 nr_nameless;
static void (*edges_to)(const char *line, size_t n);
/* Bit b of after[a]: lock class b was taken while a was held. */
static u64 after[MAX_CLASSES][WORDS];
static u32 nr_classes = 1; /* class 0: no name, not checked */
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

/* Returns the class whose name is at address @name, or 0 if that address is new. Takes no lock. */
static u16 known_class(const char *name)
{
	u64 at = hash_u64((u64)name);
	u16 class;

	for (u32 i = 0; i < 8 && (class = smp_load_acquire(&names[(at + i) % MAX_NAMES].class));
		i++)
		if (names[(at + i) % MAX_NAMES].name == name)
			return class;
	return 0;
}

/*
 * Adds the address of a name, under the graph lock. If the table is full, class_of() compares names
 * each time.
 */
static void remember_name(const char *name, u16 class)
{
	u64 at = hash_u64((u64)name);

	for (u32 i = 0; i < 8; i++) {
		if (names[(at + i) % MAX_NAMES].class)
			continue;
		names[(at + i) % MAX_NAMES].name = name;
		smp_store_release(&names[(at + i) % MAX_NAMES].class, class);
		return;
	}
}

/*
 * Returns the class, which it creates if needed, or 0 if the table is full. Under the graph lock.
 */
static u16 class_of(const char *name)
{
	u16 class = known_class(name);

	if (class)
		return class;
	for (class = 1; class < nr_classes; class ++)
		if (!strcmp(class_name[class], name))
			break;
	if (class == nr_classes) {
		if (nr_classes == MAX_CLASSES)
			return 0;
		class_name[nr_classes++] = name;
	}
	remember_name(name, class);
	return class;
}

/* True if the graph leads from class @from to class @to. Under the graph lock. */
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

/*
 * Adds the edge from the @i-th held lock to the graph, and reports an error. Under the graph lock.
 */
static void check_edge(
	const struct held_locks *h, u32 i, const void *lock, u16 class, const void *ip)
{
	u16 outer = h->held[i].class;

	if (!outer || off)
		return;
	if (outer == class && h->held[i].lock == lock && !h->same_class_next)
		report("a lock taken twice", outer, class, ip);
	if (after[outer][class / 64] & BIT(class % 64))
		return;
	/*
	 * The caller orders locks of one class; tools/lint/locks requires that the order is
	 * documented.
	 */
	if (outer != class && reachable(class, outer))
		report("order of locks closes a cycle", outer, class, ip);
	after[outer][class / 64] |= BIT(class % 64);
	if (nr_edges < MAX_EDGES)
		edges[nr_edges] = (struct edge){ outer, class, h->atomic != NULL, ip };
	nr_edges++;
}

/* True if the class and its edges from all locks in @h are in the graph. */
static bool all_known(const struct held_locks *h, u16 class, bool spin)
{
	if (!class || !(spin ? class_spins : class_sleeps)[class])
		return false;
	for (u32 i = 0; i < h->nr; i++) {
		u16 outer = h->held[i].class;

		if (outer == class) /* perhaps this very lock: check() tests */
			return false;
		if (outer && !(READ_ONCE(after[outer][class / 64]) & BIT(class % 64)))
			return false;
	}
	return true;
}

/* Records a place that takes a lock without a name. Under the graph lock. */
static void note_nameless(const void *ip)
{
	for (u32 i = 0; i < nr_nameless; i++)
		if (nameless[i] == ip)
			return;
	if (nr_nameless < ARRAY_SIZE(nameless))
		nameless[nr_nameless++] = ip;
}

/* Adds @class and its edges from the locks in @h to the graph, and returns the class. */
static u16 check(const struct held_locks *h, const void *lock, const char *name, bool spin,
	bool try, const void *ip)
{
	u16 class = 0;

	graph_lock();
	if (name)
		class = class_of(name);
	else
		note_nameless(ip);
	(spin ? class_spins : class_sleeps)[class] = true;
	if (class && !try)
		for (u32 i = 0; i < h->nr; i++)
			check_edge(h, i, lock, class, ip);
	if (!spin && h->spinning)
		report("a lock that sleeps inside a spinlock", h->held[h->nr - 1].class, class, ip);
	graph_unlock();
	return class;
}

void lockdep_acquire(const void *lock, const char *name, bool spin, bool try, const void *ip)
{
	struct held_locks *h = held_by[smp_processor_id()];
	u16 class;

	if (!h || off)
		return;
	class = name ? known_class(name) : 0;
	if (!all_known(h, class, spin) || (!spin && h->spinning))
		class = check(h, lock, name, spin, try, ip);
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
		/* The lock was taken before the checker knew this task, or by another task. */
		return;
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
	h->atomic = NULL; /* the panic itself may sleep */
	if (ksym_lookup)
		name = ksym_lookup((u64)func, &offset);
	panic("%s (%p) runs at a boundary and may not sleep, but calls what may, at %p",
		name ? name : "?", func, __builtin_return_address(0));
}

void lockdep_edges_to(void (*write)(const char *line, size_t n))
{
	edges_to = write;
}

static void write_line(const char *fmt, ...)
{
	char line[400];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	edges_to(line, (size_t)min(n, (int)sizeof(line) - 1));
}

/* Returns the name of the function that contains @ip, and sets *@offset to the offset in it. */
static const char *place(const void *ip, u64 *offset)
{
	const char *name = ksym_lookup ? ksym_lookup((u64)ip, offset) : NULL;

	if (!name)
		*offset = 0;
	return name ? name : "?";
}

void lockdep_write_edges(void)
{
	u32 classes = READ_ONCE(nr_classes), n = READ_ONCE(nr_edges);
	const char *where;
	u64 offset;

	if (!edges_to)
		return;
	for (u32 i = 1; i < classes; i++)
		write_line("class\t%s\t%s\n", class_name[i],
			!class_spins[i] ? "sleeps" :
			class_sleeps[i] ? "both" :
					  "spins");
	for (u32 i = 0; i < READ_ONCE(nr_nameless); i++) {
		where = place(nameless[i], &offset);
		write_line("nameless\t%s+%#lx\n", where, offset);
	}
	for (u32 i = 0; i < min(n, (u32)MAX_EDGES); i++) {
		const struct edge *e = &edges[i];

		where = place(e->ip, &offset);
		write_line("edge\t%s\t%s\t%s\t%s+%#lx\n", class_name[e->outer],
			class_name[e->inner], e->boundary ? "boundary" : "task", where, offset);
	}
	if (off || n > MAX_EDGES || classes == MAX_CLASSES)
		write_line("incomplete\t%s\n", off ? "lockdep gave a report" : "a table is full");
	else
		write_line("end\n");
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
