/* SPDX-License-Identifier: MIT */
/*
 * lost.c: the table of lost data (lost.h).
 *
 * The table has a fixed size, since writes may fail because memory is short. All names that do not
 * fit share its last entry. Locks: lost_lock, innermost; nothing is printed under it.
 */
#include "kernel/lib/lost.h"

#include "arch/um/machine/arch.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define NAMES_MAX 32
#define NAME_MAX 128
_Static_assert(LOST_LINE >= NAME_MAX + 160, "a name and the text");

#define LIMIT_NS 5000000000UL
#define LIMIT_LINES 10

struct lost {
	char name[NAME_MAX];
	u64 bytes;
	int err;       /* the first error; 0: the entry is free */
	bool reported; /* the user was notified */
};

static DEFINE_SPINLOCK(lost_lock);
static struct lost table[NAMES_MAX];

/* Returns the entry of @name; if it has none, a free entry or the last one. lost_lock held. */
static struct lost *entry_of(const char *name)
{
	u32 i;

	for (i = 0; i < NAMES_MAX - 1 && table[i].err; i++)
		if (!strncmp(table[i].name, name, NAME_MAX - 1)) /* a stored name may be cut off */
			break;
	return &table[i];
}

void note_lost(const char *name, u64 bytes, int err)
{
	struct lost *l;

	spin_lock(&lost_lock);
	l = entry_of(name);
	if (!l->err) {
		l->err = err;
		strscpy(l->name, name, sizeof(l->name));
	}
	l->bytes += bytes;
	l->reported = false;
	spin_unlock(&lost_lock);
}

bool has_lost(const char *name)
{
	bool yes;

	spin_lock(&lost_lock);
	yes = entry_of(name)->err;
	spin_unlock(&lost_lock);
	return yes;
}

/* Writes the line that reports @l. Returns its length. */
static int line_of(const struct lost *l, char *line, size_t size)
{
	if (l->bytes)
		return scnprintf(line, size, "%s: %lu KiB that were written are lost: %s\n",
			l->name, (unsigned long)DIV_ROUND_UP(l->bytes, 1024UL),
			arch_strerror(l->err));
	return scnprintf(
		line, size, "%s: the last changes are lost: %s\n", l->name, arch_strerror(l->err));
}

int lost_line(u32 i, char *line, size_t size)
{
	struct lost l = { .err = 0 };

	spin_lock(&lost_lock);
	if (i < NAMES_MAX)
		l = table[i];
	spin_unlock(&lost_lock);
	return l.err ? line_of(&l, line, size) : 0;
}

static void print_lost(const struct lost *l)
{
	char line[LOST_LINE];
	int n = line_of(l, line, sizeof(line));

	printk(KERN_CRIT "%s", line);
	arch_early_write("nestling: ", 10);
	arch_early_write(line, (size_t)n);
}

void report_losses(void)
{
	u32 i;

	for (i = 0; i < NAMES_MAX; i++) {
		struct lost l;

		spin_lock(&lost_lock);
		l = table[i];
		table[i].reported = true;
		spin_unlock(&lost_lock);
		if (!l.err || l.reported)
			continue;
		arch_note_lost();
		print_lost(&l);
	}
}

bool may_log(struct log_limit *l, u64 now, const char *name)
{
	u32 missed = 0;
	bool yes;

	spin_lock(&lost_lock);
	if (!l->said || now - l->begun >= LIMIT_NS) {
		missed = l->missed;
		l->begun = now;
		l->said = l->missed = 0;
	}
	yes = l->said < LIMIT_LINES;
	l->said += yes;
	l->missed += !yes;
	spin_unlock(&lost_lock);
	if (missed)
		printk(KERN_WARNING "%s: %u callbacks suppressed\n", name, missed);
	return yes;
}
