/* SPDX-License-Identifier: MIT */
/*
 * kpage.c: /proc/kpagecount, kpageflags and kpagecgroup: how often each frame of memory is mapped,
 * what it is used for, and which group is charged for it (the inode number of its directory). Each
 * file has a word of eight bytes for each frame, and only root may read it. Formats: linux-doc's
 * admin-guide/mm/pagemap.
 *
 * No lock is taken: a frame may change its use during the read.
 */
#include <asm/errno.h>
#include <linux/kernel-page-flags.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/cgroup/v1.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

static u64 count_of(const struct page *p)
{
	return test_bit(PG_slab, &p->flags) ? 0 : (u64)max(atomic_read(&p->mapcount), 0);
}

static u64 flags_of(const struct page *p)
{
	static const struct {
		u8 ours, theirs;
	} map[] = {
		{ PG_locked, KPF_LOCKED },
		{ PG_error, KPF_ERROR },
		{ PG_referenced, KPF_REFERENCED },
		{ PG_uptodate, KPF_UPTODATE },
		{ PG_dirty, KPF_DIRTY },
		{ PG_lru, KPF_LRU },
		{ PG_active, KPF_ACTIVE },
		{ PG_slab, KPF_SLAB },
		{ PG_writeback, KPF_WRITEBACK },
		{ PG_buddy, KPF_BUDDY },
		{ PG_anon, KPF_ANON },
	};
	u64 have = READ_ONCE(p->flags), flags = 0;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (have & 1UL << map[i].ours)
			flags |= 1UL << map[i].theirs;
	if (count_of(p))
		flags |= 1UL << KPF_MMAP;
	/* As on Linux, all anonymous pages are swap-backed, even without swap areas. */
	if (have & 1UL << PG_anon)
		flags |= 1UL << KPF_SWAPBACKED;
	return flags;
}

/*
 * Returns the inode number of the page's group. A removed group, whose charges its parent has taken
 * over, keeps its own number until its last page is free.
 */
static u64 group_of(const struct page *p)
{
	const struct mem_group *g = READ_ONCE(p->memcg);

	if (!g)
		return 0;
	return g->v1 ? READ_ONCE(container_of(g, struct cgroup1, mem)->ino) :
		       container_of(g, struct cgroup, mem)->id;
}

/*
 * Reads one word for each frame. @none: the word for a frame that does not exist. Returns the
 * number of bytes or -errno.
 */
static ssize_t read_words(
	struct iov_iter *to, loff_t *pos, u64 (*word)(const struct page *), u64 none)
{
	ssize_t done = 0;

	if (*pos % 8 || to->count % 8)
		return -EINVAL;
	while (to->count && pfn_valid((u64)*pos / 8)) {
		struct page *p = pfn_to_page((u64)*pos / 8);
		u64 w = p ? word(p) : none;

		if (copy_to_iter(&w, 8, to) != 8)
			return done ? done : -EFAULT;
		*pos += 8;
		done += 8;
		if (!(done % PAGE_SIZE))
			cond_resched();
	}
	return done;
}

static ssize_t kpagecount_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return read_words(to, pos, count_of, 0);
}

static ssize_t kpageflags_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return read_words(to, pos, flags_of, 1UL << KPF_NOPAGE);
}

static ssize_t kpagecgroup_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	return read_words(to, pos, group_of, 0);
}

static const struct file_operations kpagecount_fops = {
	.read_iter = kpagecount_read,
	.poll = proc_always_poll,
	.llseek = generic_file_llseek,
};
static const struct file_operations kpageflags_fops = {
	.read_iter = kpageflags_read,
	.poll = proc_always_poll,
	.llseek = generic_file_llseek,
};

static const struct file_operations kpagecgroup_fops = {
	.read_iter = kpagecgroup_read,
	.poll = proc_always_poll,
	.llseek = generic_file_llseek,
};

static int kpage_init(void)
{
	int err = proc_create_fops("kpagecount", 0400, &kpagecount_fops);

	if (!err)
		err = proc_create_fops("kpageflags", 0400, &kpageflags_fops);
	return err ? err : proc_create_fops("kpagecgroup", 0400, &kpagecgroup_fops);
}
INITCALL(3, kpage_init);
