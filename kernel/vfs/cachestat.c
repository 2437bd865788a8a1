/* SPDX-License-Identifier: MIT */
/*
 * cachestat.c: cachestat(2): how much of a range of a file is in the page cache, and in which
 * state. This kernel does not record evictions, so nr_evicted and nr_recently_evicted are 0. A
 * caller that neither owns the file nor may write it gets -EPERM, since the cache reveals what
 * other users read.
 */
#include <linux/magic.h>

#include "gen/syscalls.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/internal.h"

#define BATCH 16

/* Structures of cachestat(2), which older headers lack. */
struct range {
	u64 off, len;
};
struct counts {
	u64 cache, dirty, writeback, evicted, recently_evicted;
};

static bool may_ask(const struct file *f)
{
	return (f->f_mode & FMODE_WRITE) || path_owner_or_capable(&f->f_path) ||
	       !path_permission(&f->f_path, MAY_WRITE);
}

static void count_pages(struct address_space *m, u64 first, u64 last, struct counts *c)
{
	struct page *pages[BATCH];
	u32 n;

	while (first <= last && (n = find_get_pages(m, first, last, BATCH, pages))) {
		first = pages[n - 1]->index + 1;
		for (u32 i = 0; i < n; i++) {
			c->cache++;
			c->dirty += test_bit(PG_dirty, &pages[i]->flags);
			c->writeback += test_bit(PG_writeback, &pages[i]->flags);
			put_page(pages[i]);
		}
		if (!first)
			break;
		cond_resched();
	}
}

long sys_cachestat(int fd, uaddr_t urange, uaddr_t ucounts, int flags)
{
	struct counts c = { .cache = 0 };
	struct fd f = fdget(fd);
	struct range r;
	u64 end;
	long err = 0;

	if (!f.file)
		return -EBADF;
	if (copy_from_user(&r, urange, sizeof(r)))
		err = -EFAULT;
	else if (f.file->f_inode->i_sb->s_magic == HUGETLBFS_MAGIC)
		/* hugetlbfs does not mark its pages in the cache, so it has nothing to report. */
		err = -EOPNOTSUPP;
	else if (!may_ask(f.file))
		err = -EPERM;
	else if (flags)
		err = -EINVAL;
	if (!err && f.file->f_mapping) {
		if (!r.len || check_add_overflow(r.off, r.len, &end))
			end = ~0UL;
		else
			end--;
		count_pages(f.file->f_mapping, r.off >> PAGE_SHIFT, end >> PAGE_SHIFT, &c);
	}
	fdput(f);
	if (!err && copy_to_user(ucounts, &c, sizeof(c)))
		err = -EFAULT;
	return err;
}
