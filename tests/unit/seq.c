/* SPDX-License-Identifier: MIT */
/*
 * seq.c: a text that is larger than one buffer is complete, also while an atomic allocation for a
 * long print fails, and takes no more memory than it needs.
 * SOURCES: kernel/fs/proc/seq.c kernel/lib/string.c kernel/lib/vsprintf.c
 */
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/vfs/vfs.h"
#include "unit.h"

#define LONG 5000U
#define PRINTS 40U
#define ALL (PRINTS * (LONG + 1))

static char word[LONG + 1], text[ALL + PAGE_SIZE];
static size_t most;
static bool none_at_hand;

void *realloc(void *p, size_t n);

void *krealloc(void *p, size_t n, gfp_t gfp)
{
	if (none_at_hand && gfp == GFP_ATOMIC)
		return NULL;
	most = max(most, n);
	fake_allocations += !p;
	return realloc(p, n);
}

void *kmalloc(size_t n, gfp_t gfp)
{
	return krealloc(NULL, n, gfp);
}

size_t copy_to_iter(const void *from, size_t n, struct iov_iter *to)
{
	n = min(n, to->count);
	memcpy(text + sizeof(text) - to->count, from, n);
	to->count -= n;
	return n;
}

u64 nr_managed_frames(void)
{
	return 1024;
}

int mutex_lock_killable(struct mutex *m)
{
	mutex_lock(m);
	return 0;
}

bool fatal_signal_pending(struct task *t)
{
	return false;
}

/* Functions for open files of /proc, which a text alone does not call. */
#define NEVER(type, name, ...)                                                                     \
	type name(__VA_ARGS__)                                                                     \
	{                                                                                          \
		fail();                                                                            \
		return (type)0;                                                                    \
	}
NEVER(bool, proc_opener_may, const struct file *f, const struct proc_entry *e)
NEVER(int, proc_entry_open, const struct proc_inode *pi, struct seq *s)
NEVER(int, proc_entry_show, const struct proc_inode *pi, struct seq *s)
NEVER(int, proc_entry_store, struct file *f, char *t, size_t n)
NEVER(long, proc_entry_ioctl, struct file *f, u32 cmd, u64 arg)
NEVER(u32, vfs_default_poll, void)
NEVER(void, mmdrop, struct mm *mm)
NEVER(size_t, copy_from_iter, void *to, size_t n, struct iov_iter *from)

static int make(struct seq *s, void *arg)
{
	for (u32 i = 0; i < PRINTS; i++)
		seq_printf(s, "%c%s", 'a' + i % 26, word);
	return 0;
}

static void reads(bool short_of_memory)
{
	struct seq s = { .len = 0 };
	struct iov_iter to = { .count = sizeof(text) };
	loff_t pos = 0;

	memset(word, 'x', LONG);
	none_at_hand = short_of_memory;
	most = 0;
	mutex_init(&s.lock);
	assert_int_equal(seq_read(&s, &to, &pos, make, NULL), ALL);
	for (u32 i = 0; i < ALL; i++)
		assert_int_equal(text[i], i % (LONG + 1) ? 'x' : 'a' + i / (LONG + 1) % 26);
	assert_in_range(most, LONG, 64U << 10);
	seq_close(&s);
	assert_int_equal(fake_allocations, 0);
}

static void whole(void **state)
{
	reads(false);
}
static void whole_without_memory(void **state)
{
	reads(true);
}

UNIT_MAIN(cmocka_unit_test(whole), cmocka_unit_test(whole_without_memory))
