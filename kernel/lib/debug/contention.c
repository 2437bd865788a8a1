/* SPDX-License-Identifier: MIT */
/*
 * contention.c: the table of code places that waited for locks (contention.h).
 *
 * Rows are found by a hash of the place and are never removed. A row is claimed by writing its
 * place with a compare-and-swap. When all are claimed, the last row counts all other places. Times
 * are those of the guest's clock, which takes no lock.
 *
 * Locks: none. A row's numbers are added to atomically, one by one, so a reader may see a wait in
 * one number only.
 */
#include "kernel/lib/debug/contention.h"

#include "arch/um/machine/arch.h"
#include "kernel/lib/ksyms.h"
#include "kernel/lib/string.h"

/* Not linked into unit tests. */
const char *ksym_lookup(u64 addr, u64 *offset) __weak;

#define ROWS 512 /* a power of two */

struct row {
	u64 ip; /* 0: free */
	const char *kind;
	u64 waits, ns, most;
};

bool contention_counted;
static struct row rows[ROWS + 1];

u64 contention_now(void)
{
	return ktime_get() + 1; /* never 0 */
}

static struct row *find_row(u64 ip)
{
	u64 at = hash_u64(ip);

	for (int i = 0; i < ROWS; i++) {
		struct row *r = &rows[(at + (u64)i) % ROWS];
		u64 there = READ_ONCE(r->ip);

		if (there == ip || (!there && cmpxchg(&r->ip, 0UL, ip) == 0))
			return r;
		if (READ_ONCE(r->ip) == ip)
			return r;
	}
	return &rows[ROWS];
}

void contention_add(const char *kind, const void *ip, u64 since)
{
	u64 now = contention_now(), ns = now > since ? now - since : 0, most;
	struct row *r = find_row((u64)ip);

	WRITE_ONCE(r->kind, kind);
	__atomic_fetch_add(&r->waits, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&r->ns, ns, __ATOMIC_RELAXED);
	while (ns > (most = READ_ONCE(r->most)) && cmpxchg(&r->most, most, ns) != most)
		;
}

void contention_reset(void)
{
	for (int i = 0; i <= ROWS; i++) {
		WRITE_ONCE(rows[i].waits, 0);
		WRITE_ONCE(rows[i].ns, 0);
		WRITE_ONCE(rows[i].most, 0);
	}
}

int contention_line(int i, char *buf, size_t size)
{
	const struct row *r = &rows[i];
	const char *kind, *name;
	u64 waits, offset = 0;

	if (i < 0 || i > ROWS)
		return -1;
	waits = READ_ONCE(r->waits);
	kind = READ_ONCE(r->kind);
	if (!waits || !kind)
		return 0;
	name = i == ROWS ? "other-places" : ksym_lookup ? ksym_lookup(r->ip - 1, &offset) : NULL;
	return scnprintf(buf, size, "%-6s %10lu %12lu %9lu %s+0x%lx\n", kind, waits,
		READ_ONCE(r->ns) / 1000, READ_ONCE(r->most) / 1000, name ? name : "?", offset);
}
