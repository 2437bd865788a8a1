/* SPDX-License-Identifier: MIT */
/*
 * pid_pagemap_scan.c: PAGEMAP_SCAN, an ioctl of /proc/PID/pagemap: the ranges of an address space whose pages are of wanted categories
 * (linux-doc's admin-guide/mm/pagemap).
 *
 * Ranges are gathered in a page of the kernel's under mmap_lock and copied out without it, as often as the page is full. What lies between
 * areas is passed over; what nobody has touched in an area has no category, which may be just what is wanted.
 *
 * Not here: PM_SCAN_WP_MATCHING, which protects what it finds: there is no UFFD_FEATURE_WP_ASYNC that would let go of it again.
 */
#include <asm/errno.h>
#include <linux/ioctl.h>

#include "arch/um/uaccess.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page_kinds.h"
#include "kernel/sched/task.h"

/* As in linux/fs.h since Linux 6.7. */
struct pm_scan_arg_k {
	u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct page_region_k {
	u64 start, end, categories;
};
_Static_assert(sizeof(struct pm_scan_arg_k) == 96, "as guests have it");
#define PAGEMAP_SCAN_K _IOWR('f', 16, struct pm_scan_arg_k)
#define SCAN_CHECK_WPASYNC 2

#define BUF_REGIONS (PAGE_SIZE / sizeof(struct page_region_k))
#define LOCKED_STEPS 64 /* batches of entries for which mmap_lock is held */

struct scan {
	struct pm_scan_arg_k a;
	struct mm *mm;
	struct page_region_k *buf; /* a page; NULL: nothing is told */
	u64 n, done;               /* regions in it, and copied out before */
	u64 found;                 /* pages */
	u64 at;                    /* the walk has come so far */
	bool full;                 /* no more is to be told */
};

static bool is_wanted(const struct scan *s, u64 kinds)
{
	kinds ^= s->a.category_inverted;
	return (kinds & s->a.category_mask) == s->a.category_mask &&
	       (!s->a.category_anyof_mask || kinds & s->a.category_anyof_mask);
}

/* Appends [start, end), or makes the last region longer. False: there is no room, in the buffer or in the caller's. */
static bool add_region(struct scan *s, u64 start, u64 end, u64 categories)
{
	struct page_region_k *last = s->n ? &s->buf[s->n - 1] : NULL;

	if (last && last->end == start && last->categories == categories) {
		last->end = end;
		return true;
	}
	if (s->n == BUF_REGIONS || s->done + s->n == s->a.vec_len)
		return false;
	s->buf[s->n++] = (struct page_region_k){ start, end, categories };
	return true;
}

/* Pages [s->at, end) are alike. False: the walk stops, at s->at. */
static bool tell(struct scan *s, u64 end, u64 kinds)
{
	u64 room = s->a.max_pages - s->found, stop = end;

	if (s->buf && is_wanted(s, kinds)) {
		if ((end - s->at) >> PAGE_SHIFT > room)
			stop = s->at + (room << PAGE_SHIFT);
		if (s->at == stop || !add_region(s, s->at, stop, kinds & s->a.return_mask)) {
			s->full = s->at == stop || s->done + s->n == s->a.vec_len;
			return false;
		}
		s->found += (stop - s->at) >> PAGE_SHIFT;
	}
	s->at = stop;
	s->full = stop < end;
	return !s->full;
}

/* One step of the walk in the area that s->at lies in, which ends at @end. */
static bool scan_batch(struct scan *s, u64 end)
{
	u32 kinds[PAGE_KINDS_BATCH];
	u64 next;
	u32 n = mm_page_kinds(s->mm, s->at, end, kinds, &next);

	if (!n)
		return tell(s, next, 0);
	for (u32 i = 0; i < n; i++)
		if (!tell(s, s->at + PAGE_SIZE, kinds[i]))
			return false;
	return true;
}

/* Under mmap_lock, some steps: 0 or -EPERM. */
static int walk(struct scan *s)
{
	for (u32 i = 0; i < LOCKED_STEPS && s->at < s->a.end; i++) {
		struct vm_area *v = find_vma(s->mm, s->at);

		if (!v || v->vm_start >= s->a.end) {
			s->at = s->a.end;
			break;
		}
		s->at = max(s->at, v->vm_start);
		if (s->a.flags & SCAN_CHECK_WPASYNC) { /* no area can be so */
			s->at = s->a.end;
			return -EPERM;
		}
		if (v->vm_flags & VM_PFNMAP ||
			(s->a.category_mask & PAGE_KIND_WPALLOWED & ~s->a.category_inverted))
			s->at = min(v->vm_end, s->a.end);
		else if (!scan_batch(s, min(v->vm_end, s->a.end)))
			break;
	}
	return 0;
}

/* Copies all regions out but the last @keep (0 or 1), which may become longer. */
static int flush(struct scan *s, u64 keep)
{
	uaddr_t to = uaddr_add(UADDR(s->a.vec), s->done * sizeof(*s->buf));
	u64 n = s->n - keep;

	if (n && copy_to_user(to, s->buf, n * sizeof(*s->buf)))
		return -EFAULT;
	if (keep)
		s->buf[0] = s->buf[n];
	s->done += n;
	s->n = keep;
	return 0;
}

static int scan_all(struct scan *s)
{
	int err = 0;

	while (!err && !s->full && s->at < s->a.end) {
		if (wait_interrupted(TASK_KILLABLE))
			return -EINTR;
		down_read(&s->mm->mmap_lock);
		err = walk(s);
		up_read(&s->mm->mmap_lock);
		if (!err && s->n == BUF_REGIONS)
			err = flush(s, 1);
		cond_resched();
	}
	return err ? err : flush(s, 0);
}

static int check_arg(struct pm_scan_arg_k *a)
{
	u64 used =
		a->category_inverted | a->category_mask | a->category_anyof_mask | a->return_mask;

	if (a->size != sizeof(*a) || a->flags & ~(u64)SCAN_CHECK_WPASYNC ||
		used & ~(u64)PAGE_KINDS_ALL || a->start & ~PAGE_MASK)
		return -EINVAL;
	if (!access_ok(UADDR(a->start), a->end - a->start))
		return -EFAULT;
	if (!a->vec && a->vec_len)
		return -EINVAL;
	if (a->vec && (a->vec_len > ~0UL / sizeof(struct page_region_k) ||
			      !access_ok(UADDR(a->vec), a->vec_len * sizeof(struct page_region_k))))
		return -EFAULT;
	a->end = PAGE_ALIGN(a->end);
	if (!a->max_pages)
		a->max_pages = ~0UL;
	return 0;
}

static long scan(struct mm *mm, uaddr_t arg)
{
	struct scan s = { .mm = mm };
	long ret;

	if (copy_from_user(&s.a, arg, sizeof(s.a)))
		return -EFAULT;
	ret = check_arg(&s.a);
	if (ret)
		return ret;
	if (s.a.vec_len) {
		s.buf = get_free_page(GFP_KERNEL);
		if (!s.buf)
			return -ENOMEM;
	}
	s.at = s.a.start;
	ret = scan_all(&s);
	if (s.buf)
		free_page_addr(s.buf);
	if (put_user(s.at, uaddr_add(arg, offsetof(struct pm_scan_arg_k, walk_end))))
		return -EFAULT;
	return ret ? ret : (long)s.done;
}

long proc_pagemap_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct mm *mm = f->private_data;
	long ret;

	if (cmd != PAGEMAP_SCAN_K)
		return -EINVAL;
	if (!mm || !atomic_inc_not_zero(&mm->mm_users))
		return -EINVAL;
	ret = scan(mm, UADDR(arg));
	mmput(mm);
	return ret;
}
