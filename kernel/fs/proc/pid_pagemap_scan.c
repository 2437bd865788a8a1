/* SPDX-License-Identifier: MIT */
/*
 * pid_pagemap_scan.c: PAGEMAP_SCAN, an ioctl of /proc/PID/pagemap: reports the ranges of an address
 * space whose pages are of wanted categories (linux-doc's admin-guide/mm/pagemap).
 *
 * Ranges are gathered in a kernel page under mmap_lock. Each time the page is full, they are copied
 * to the caller without the lock. Gaps between areas are skipped. Untouched pages of an area have
 * no category, but a caller may ask for them too.
 *
 * With PM_SCAN_WP_MATCHING the reported pages are write-protected. That works in areas with
 * UFFD_FEATURE_WP_ASYNC, where a write removes the protection; other areas are skipped. Pages that
 * are reported as not written are not protected again, since they may have been written to
 * meanwhile. The protection takes effect before a range is reported. Without a buffer for ranges,
 * all pages of these areas are protected, as on Linux.
 */
#include <asm/errno.h>
#include <linux/ioctl.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/hugetlb/hugetlb.h"
#include "kernel/mm/page_kinds.h"
#include "kernel/mm/userfault/userfault.h"
#include "kernel/sched/sched.h"

/* Copy of the struct in linux/fs.h since Linux 6.7. */
struct pm_scan_arg_k {
	u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct page_region_k {
	u64 start, end, categories;
};
_Static_assert(sizeof(struct pm_scan_arg_k) == 96, "as guests have it");
#define PAGEMAP_SCAN_K _IOWR('f', 16, struct pm_scan_arg_k)
#define SCAN_WP_MATCHING 1
#define SCAN_CHECK_WPASYNC 2
#define PROTECT_STEP (512 * PAGE_SIZE)

#define BUF_REGIONS (PAGE_SIZE / sizeof(struct page_region_k))
/* most batches of entries that are walked before mmap_lock is released */
#define LOCKED_STEPS 64

struct scan {
	struct pm_scan_arg_k a;
	struct mm *mm;
	struct page_region_k *buf; /* a page for regions; NULL: no output */
	u64 n, done;               /* regions in @buf; regions copied out */
	u64 found;                 /* pages reported */
	u64 at;                    /* address up to which pages are handled */
	bool full;                 /* True if no more output fits */
	bool protect;              /* write-protect reported pages */
	int err;                   /* result of write-protecting */
	struct vm_area *v;         /* area of @at; under mmap_lock */
	u64 of_area;               /* categories of all pages of @v */
};

/* True if the caller wants pages of these categories. */
static bool is_wanted(const struct scan *s, u64 kinds)
{
	kinds ^= s->a.category_inverted;
	return (kinds & s->a.category_mask) == s->a.category_mask &&
	       (!s->a.category_anyof_mask || kinds & s->a.category_anyof_mask);
}

/*
 * Appends the region [start, end) to s->buf, or extends its last region. Returns false if s->buf or
 * the caller's buffer is full.
 */
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

/* Write-protects [s->at, end), if that is asked for. Returns false after an error (s->err). */
static bool protect(struct scan *s, u64 end, enum uffd_protect how)
{
	if (s->protect)
		s->err = uffd_protect_entries(s->v, s->at, end, how);
	return !s->err;
}

/*
 * Returns how far [s->at, end) can be reported within the limit of reported pages. A huge page that
 * is to be protected is reported whole or not at all.
 */
static u64 that_fit(const struct scan *s, u64 end)
{
	u64 stop = end;

	if ((end - s->at) >> PAGE_SHIFT > s->a.max_pages - s->found)
		stop = s->at + ((s->a.max_pages - s->found) << PAGE_SHIFT);
	if (s->protect && s->v->vm_flags & VM_HUGETLB)
		stop = s->at & ~HPAGE_MASK ? s->at : stop & HPAGE_MASK;
	return stop;
}

/*
 * Reports the pages [s->at, end), which have the same categories. Returns false if the walk stops.
 * s->at is then the address at which it stopped.
 */
static bool report_pages(struct scan *s, u64 end, u64 kinds)
{
	u64 stop = end;

	kinds |= s->of_area;
	if (s->buf && is_wanted(s, kinds)) {
		stop = that_fit(s, end);
		if (s->at == stop || !add_region(s, s->at, stop, kinds & s->a.return_mask)) {
			s->full = s->at == stop || s->done + s->n == s->a.vec_len;
			return false;
		}
		s->found += (stop - s->at) >> PAGE_SHIFT;
		if (!protect(s, stop, kinds & PAGE_KIND_WRITTEN ? PROTECT_ON : PROTECT_EMPTY))
			return false;
	}
	s->at = stop;
	s->full = stop < end;
	return !s->full;
}

/*
 * Reports one batch of entries in the area s->v, at most up to @end. Returns false if the walk
 * stops.
 */
static bool scan_batch(struct scan *s, u64 end)
{
	u64 grain = s->protect && s->v->vm_flags & VM_HUGETLB ? HPAGE_SIZE : PAGE_SIZE;
	u32 kinds[PAGE_KINDS_BATCH];
	u64 next;
	u32 n = mm_page_kinds(s->mm, s->at, end, kinds, &next);

	if (!n)
		return report_pages(s, next, 0);
	if (grain > PAGE_SIZE)
		return report_pages(s, min((s->at | (grain - 1)) + 1, end), kinds[0]);
	for (u32 i = 0; i < n;) {
		u32 alike = 1;

		while (i + alike < n && kinds[i + alike] == kinds[i])
			alike++;
		if (!report_pages(s, s->at + alike * PAGE_SIZE, kinds[i]))
			return false;
		i += alike;
	}
	return true;
}

/* Protects one batch of entries without reporting it. Returns false if the walk stops. */
static bool protect_batch(struct scan *s, u64 end)
{
	u64 stop = min(end, (s->at | (PROTECT_STEP - 1)) + 1), next;
	u32 kinds[PAGE_KINDS_BATCH];
	bool ok;

	if (mm_page_kinds(s->mm, s->at, stop, kinds, &next))
		ok = protect(s, stop, PROTECT_ON);
	else
		ok = !is_wanted(s, s->of_area) || protect(s, stop, PROTECT_EMPTY);
	if (ok)
		s->at = stop;
	return ok;
}

/* False if no page of the area s->v can be reported. */
static bool area_is_wanted(const struct scan *s)
{
	u64 asked = s->a.category_mask & PAGE_KIND_WPALLOWED;

	if (s->v->vm_flags & VM_PFNMAP || (s->protect && !s->of_area))
		return false;
	return ((s->of_area ^ s->a.category_inverted) & asked) == asked;
}

/* Walks at most LOCKED_STEPS batches. mmap_lock is held. Returns 0 or -errno. */
static int walk(struct scan *s)
{
	for (u32 i = 0; i < LOCKED_STEPS && s->at < s->a.end; i++) {
		struct vm_area *v = s->v = find_vma(s->mm, s->at);
		u64 end;

		if (!v || v->vm_start >= s->a.end) {
			s->at = s->a.end;
			break;
		}
		s->at = max(s->at, v->vm_start);
		s->of_area = uffd_is_async(v) ? PAGE_KIND_WPALLOWED : 0;
		if (s->a.flags & SCAN_CHECK_WPASYNC && !s->of_area) {
			s->at = s->a.end;
			return -EPERM;
		}
		end = min(v->vm_end, s->a.end);
		if (!area_is_wanted(s))
			s->at = end;
		else if (!(s->protect && !s->buf ? protect_batch(s, end) : scan_batch(s, end)))
			break;
	}
	return s->err;
}

/*
 * Copies all regions to the caller but the last @keep (0 or 1), which the walk may still extend.
 * Returns 0 or -EFAULT.
 */
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

/* Walks to the end, or until the output is full. Takes mmap_lock. Returns 0 or -errno. */
static int scan_all(struct scan *s)
{
	int err = 0;

	while (!err && !s->full && s->at < s->a.end) {
		if (wait_interrupted(TASK_KILLABLE))
			return -EINTR;
		down_read(&s->mm->mmap_lock);
		err = walk(s);
		if (s->protect)
			pmap_settle(&s->mm->pmap);
		up_read(&s->mm->mmap_lock);
		if (!err && s->n == BUF_REGIONS)
			err = flush(s, 1);
		cond_resched();
	}
	return err ? err : flush(s, 0);
}

/* Checks the arguments, and sets defaults. Returns 0, -EINVAL or -EFAULT. */
static int check_arg(struct pm_scan_arg_k *a)
{
	u64 used =
		a->category_inverted | a->category_mask | a->category_anyof_mask | a->return_mask;

	if (a->size != sizeof(*a) || a->flags & ~(u64)(SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC) ||
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

/* Serves PAGEMAP_SCAN. Returns the number of regions copied or -errno. */
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
	s.protect = s.a.flags & SCAN_WP_MATCHING;
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
