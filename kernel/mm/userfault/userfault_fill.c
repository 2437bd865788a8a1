/* SPDX-License-Identifier: MIT */
/*
 * userfault_fill.c: the ioctls by which a handler resolves faults. They fill missing pages
 * (UFFDIO_COPY, UFFDIO_ZEROPAGE), map pages of the page cache (UFFDIO_CONTINUE), mark pages as lost
 * for the tasks that touch them (UFFDIO_POISON), and set and remove write protection
 * (UFFDIO_WRITEPROTECT).
 *
 * Pages are filled in the descriptor's mm, which may belong to another process than the handler.
 * Only page table entries are made; the waiting thread faults again and maps the pages. Data is
 * copied without a lock held, into a frame with no other user, and the area is checked again
 * afterwards. The data of a huge page is collected in single frames (struct staging), and copied to
 * a page of the pool when it is complete.
 *
 * Locks: mmap_lock for reading, page_table_lock for each entry.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/userfault/userfault.h"

#include "arch/um/machine/uaccess.h"

#define TABLE_SPAN (512 * PAGE_SIZE)

/* A request to fill a range. */
struct fill {
	struct uffd *u;
	u64 start, len;
	uaddr_t src;
	bool zero, wp;
	/* the frames that collect the data of a huge page */
	void **staging;
};

static u64 page_size_of(const struct vm_area *v)
{
	return v->vm_flags & VM_HUGETLB ? HPAGE_SIZE : PAGE_SIZE;
}

/*
 * Finds the watched area that contains the range, which must consist of whole pages of the area.
 * Returns 0, -EAGAIN (the layout is changing), -ENOENT or -EINVAL.
 */
static int find_target(const struct fill *f, struct vm_area **v)
{
	u64 end = f->start + f->len;

	if (atomic_read(&f->u->changing))
		return -EAGAIN;
	*v = vma_lookup(f->u->mm, f->start);
	if (!*v || !(*v)->vm_uffd || (*v)->vm_end < end)
		return -ENOENT;
	if (f->wp && !((*v)->vm_flags & VM_UFFD_WP))
		return -EINVAL;
	if ((f->start | end) & (page_size_of(*v) - 1))
		return -EINVAL;
	return f->zero && (*v)->vm_flags & VM_HUGETLB ? -EINVAL : 0;
}

static pte_t fill_bits(const struct fill *f, const struct vm_area *v)
{
	pte_t bits = vma_rights(v) | PTE_D;

	return f->wp ? entry_protected(v, bits) : bits;
}

/*
 * True if a page may be put into the entry: it is empty or a marker (guard, poison or write
 * protection). In private memory, a page of zeros does not replace a marker.
 */
static bool may_fill(const struct fill *f, const struct vm_area *v, pte_t e)
{
	if (f->zero && vma_is_cow(v))
		return !e;
	return !e || (e & PTE_SPECIAL && !(e & PTE_SWAP));
}

/* Maps @p at @addr. Takes over the caller's reference on success. 0, -ENOMEM or -EEXIST. */
static int set_entry(const struct fill *f, struct vm_area *v, u64 addr, struct page *p, pte_t bits)
{
	pte_t *e = entry_lock(v->vm_mm, addr);
	int err = -EEXIST;

	if (!e)
		return -ENOMEM;
	if (may_fill(f, v, *e)) {
		/* the ioctl decides whether the page is protected */
		*e = 0;
		entry_set(v, e, p, bits);
		err = 0;
	}
	entry_unlock(v->vm_mm);
	return err;
}

/* Fills a page that was added to the file just now; it is locked and empty. */
static int fill_new(struct address_space *m, struct page *p, const struct page *from)
{
	if ((u64)mapping_size(m) > p->index << PAGE_SHIFT)
		return m->a_ops->fillpage(p, page_address(from));
	delete_from_page_cache(p); /* truncated meanwhile */
	return -EFAULT;
}

/*
 * Fills shared memory. The page is added to the file first, and stays locked until it has its
 * content: a fault of another thread that finds it in the file does not wait for the handler, and
 * would see zeros.
 */
static int fill_shared(const struct fill *f, struct vm_area *v, u64 addr, const struct page *from)
{
	struct address_space *m = v->vm_mapping;
	u64 index = vma_index(v, addr);
	struct page *p = find_get_page(m, index);
	int err;

	if (p) {
		put_page(p);
		return -EEXIST;
	}
	if ((u64)mapping_size(m) <= index << PAGE_SHIFT)
		return -EFAULT;
	p = grab_cache_page(m, index);
	if (!p)
		return -ENOMEM;
	err = PageUptodate(p) || PagePrivate(p) ? -EEXIST : fill_new(m, p, from);
	if (!err)
		err = set_entry(f, v, addr, p, fill_bits(f, v));
	unlock_page(p);
	if (err)
		put_page(p);
	return err;
}

/*
 * Maps @p, with the new content, at @addr, and takes over its reference on success. mmap_lock is
 * held for reading. 0 or -errno.
 */
static int fill_locked(const struct fill *f, u64 addr, struct page *p)
{
	struct vm_area *v;
	int err = find_target(f, &v);

	if (err)
		return err;
	if (v->vm_flags & VM_HUGETLB)
		return -EAGAIN; /* now an area of huge pages */
	if (vma_is_cow(v))
		return set_entry(f, v, addr, p, fill_bits(f, v));
	err = fill_shared(f, v, addr, p);
	if (!err)
		put_page(p);
	return err;
}

/* Fills the page @done bytes behind the start. May sleep. 0 or -errno. */
static int fill_page(const struct fill *f, u64 done)
{
	struct mm *mm = f->u->mm;
	struct page *p = anon_page_alloc();
	int err = 0;

	if (!p)
		return -ENOMEM;
	if (f->zero)
		clear_page(page_address(p));
	else if (copy_from_user(page_address(p), uaddr_add(f->src, done), PAGE_SIZE))
		err = -EFAULT;
	if (!err) {
		down_read(&mm->mmap_lock);
		err = fill_locked(f, f->start + done, p);
		up_read(&mm->mmap_lock);
	}
	if (err)
		put_page(p);
	return err;
}

/* ---- huge pages ---- */

static void staging_free(struct fill *f)
{
	for (u64 i = 0; f->staging && i < HPAGE_FRAMES; i++)
		if (f->staging[i])
			free_page_addr(f->staging[i]);
	kfree(f->staging);
	f->staging = NULL;
}

/*
 * Allocates frames for the content of a huge page; staging_free() frees them, also after a failure.
 * 0 or -ENOMEM.
 */
static int staging_alloc(struct fill *f)
{
	f->staging = kzalloc(HPAGE_FRAMES * sizeof(void *), GFP_KERNEL);
	if (!f->staging)
		return -ENOMEM;
	for (u64 i = 0; i < HPAGE_FRAMES; i++) {
		f->staging[i] = get_free_page(GFP_USER);
		if (!f->staging[i])
			return -ENOMEM;
	}
	return 0;
}

/*
 * Fills a huge page of the area with the complete data @from. @from NULL: only checks whether that
 * is possible.
 */
static int fill_huge_locked(const struct fill *f, u64 done, void **from)
{
	struct mm *mm = f->u->mm;
	struct vm_area *v;
	int err;

	down_read(&mm->mmap_lock);
	err = find_target(f, &v);
	if (!err)
		err = v->vm_flags & VM_HUGETLB ?
			      hugetlb_fill(v, f->start + done, from, fill_bits(f, v)) :
			      -EAGAIN;
	up_read(&mm->mmap_lock);
	return err;
}

/* Fills the huge page @done bytes behind the start. May sleep. 0 or -errno. */
static int fill_huge_page(struct fill *f, u64 done)
{
	int err = fill_huge_locked(f, done, NULL);

	if (!err && !f->staging)
		err = staging_alloc(f);
	for (u64 i = 0; !err && i < HPAGE_FRAMES; i++) {
		uaddr_t src = uaddr_add(f->src, done + (i << PAGE_SHIFT));

		if (copy_from_user(f->staging[i], src, PAGE_SIZE))
			err = -EFAULT;
		cond_resched();
	}
	return err ? err : fill_huge_locked(f, done, f->staging);
}

/* ---- the loop over pages ---- */

/*
 * Checks the range before the source is read, since Linux reports errors in this order. Returns the
 * size of the area's pages, or -errno.
 */
static s64 fill_checked(const struct fill *f)
{
	struct mm *mm = f->u->mm;
	struct vm_area *v;
	s64 size;

	down_read(&mm->mmap_lock);
	size = find_target(f, &v);
	if (!size)
		size = (s64)page_size_of(v);
	up_read(&mm->mmap_lock);
	return size;
}

/* Fills all pages. Returns the bytes filled, or -errno if that is 0. */
static s64 fill_range(struct fill *f)
{
	s64 size = fill_checked(f);
	u64 done = 0;
	int err = size < 0 ? (int)size : 0;

	while (!err && done < f->len) {
		err = size == PAGE_SIZE ? fill_page(f, done) : fill_huge_page(f, done);
		if (!err)
			done += (u64)size;
		if (wait_interrupted(TASK_KILLABLE))
			err = -EINTR;
		cond_resched();
	}
	staging_free(f);
	return done ? (s64)done : err;
}

s64 uffd_copy(struct uffd *u, u64 dst, uaddr_t src, u64 len, bool zero, bool wp, bool wake)
{
	struct fill f = { .u = u, .start = dst, .len = len, .src = src, .zero = zero, .wp = wp };
	s64 done = uffd_check_range(dst, len);

	if (done)
		return done;
	if (!atomic_inc_not_zero(&u->mm->mm_users))
		return -ESRCH;
	done = fill_range(&f);
	mmput(u->mm);
	if (done > 0 && wake)
		uffd_wake_range(u, dst, dst + (u64)done);
	return done;
}

/* ---- minor faults ---- */

/*
 * Returns the file's page, locked, with a reference. A page that tmpfs has only reserved is zeroed
 * first. NULL: there is no page, or no memory.
 */
static struct page *find_filled_page(struct vm_area *v, u64 index)
{
	struct page *p = find_lock_page(v->vm_mapping, index);

	if (!p || PageUptodate(p) || !PagePrivate(p))
		return p;
	unlock_page(p);
	put_page(p);
	p = read_cache_page(v->vm_mapping, index, v->vm_file);
	if (IS_ERR(p))
		return NULL;
	lock_page(p);
	return p;
}

/*
 * Returns the entry bits of the page. Text with patched call sites stays read-only, so that a write
 * faults (filefault.c).
 */
static pte_t continue_bits(const struct fill *f, const struct vm_area *v, const struct page *p)
{
	pte_t bits = fill_bits(f, v);

	if (vma_is_cow(v))
		return (bits & ~(PTE_RW | PTE_D)) | PTE_COW;
	return p && test_bit(PG_patched, &p->flags) ? bits & ~(PTE_RW | PTE_D) : bits;
}

/*
 * Maps the file's page at @addr. mmap_lock is held for reading. 0 or -errno.
 */
static int continue_page(const struct fill *f, struct vm_area *v, u64 addr)
{
	struct page *p;
	int err;

	if (!v->vm_mapping)
		return -EINVAL;
	if (v->vm_flags & VM_HUGETLB)
		return hugetlb_continue(v, addr, continue_bits(f, v, NULL));
	if ((u64)mapping_size(v->vm_mapping) <= vma_index(v, addr) << PAGE_SHIFT)
		return -EINVAL;
	p = find_filled_page(v, vma_index(v, addr));
	if (!p)
		return -EFAULT;
	err = p->mapping == v->vm_mapping && PageUptodate(p) ?
		      set_entry(f, v, addr, p, continue_bits(f, v, p)) :
		      -EFAULT;
	unlock_page(p);
	if (err)
		put_page(p);
	return err;
}

/* Calls @op for one page. Returns the page's size, or -errno. */
static s64 one_page(const struct fill *f, u64 addr,
	int (*op)(const struct fill *f, struct vm_area *v, u64 addr))
{
	struct mm *mm = f->u->mm;
	struct vm_area *v;
	s64 size;

	down_read(&mm->mmap_lock);
	size = find_target(f, &v);
	if (!size)
		size = op(f, v, addr);
	if (!size)
		size = (s64)page_size_of(v);
	up_read(&mm->mmap_lock);
	return size;
}

/*
 * Calls @op for each page. Returns the number of bytes for which it succeeded, or -errno if that is
 * 0.
 */
static s64 each_page(const struct fill *f, bool wake,
	int (*op)(const struct fill *f, struct vm_area *v, u64 addr))
{
	struct mm *mm = f->u->mm;
	u64 start = f->start, len = f->len, done = 0;
	int err = uffd_check_range(start, len);

	if (err)
		return err;
	if (!atomic_inc_not_zero(&mm->mm_users))
		return -ESRCH;
	while (!err && done < len) {
		s64 size = one_page(f, start + done, op);

		if (size > 0)
			done += (u64)size;
		else
			err = (int)size;
		if (wait_interrupted(TASK_KILLABLE))
			err = -EINTR;
		cond_resched();
	}
	mmput(mm);
	if (done && wake)
		uffd_wake_range(f->u, start, start + done);
	return done ? (s64)done : err;
}

s64 uffd_continue(struct uffd *u, u64 start, u64 len, bool wp, bool wake)
{
	struct fill f = { .u = u, .start = start, .len = len, .wp = wp };

	return each_page(&f, wake, continue_page);
}

/* ---- poison ---- */

/* Sets a poison marker at @addr. mmap_lock is held for reading. 0 or -errno. */
static int poison_page(const struct fill *f, struct vm_area *v, u64 addr)
{
	int err = 0;
	pte_t *e;

	if (v->vm_flags & VM_HUGETLB)
		return hugetlb_poison(v, addr);
	if (v->vm_mapping && (u64)mapping_size(v->vm_mapping) <= vma_index(v, addr) << PAGE_SHIFT)
		return -EFAULT;
	e = entry_lock(v->vm_mm, addr);
	if (!e)
		return -ENOMEM;
	if (*e)
		err = -EEXIST;
	else
		*e = PTE_MARKER(PTE_POISON);
	entry_unlock(v->vm_mm);
	return err;
}

s64 uffd_poison(struct uffd *u, u64 start, u64 len, bool wake)
{
	struct fill f = { .u = u, .start = start, .len = len };

	return each_page(&f, wake, poison_page);
}

/* ---- write protection ---- */

struct protection {
	struct vm_area *v;
	enum uffd_protect how;
	bool markers; /* also protect missing pages */
};

static pte_t protected_entry(const struct protection *p, pte_t e)
{
	if (pte_none(e))
		return p->how == PROTECT_OFF ? 0 : p->markers ? PTE_WP_MARKER : e;
	if (e & PTE_SPECIAL || p->how == PROTECT_EMPTY)
		return e;
	return p->how == PROTECT_ON ? entry_protected(p->v, e) : e & ~PTE_UFFD_WP;
}

/* Changes the protection of the entries of [start, end), which lies in one table. */
static void protect_table(struct protection *p, u64 start, u64 end)
{
	struct mm *mm = p->v->vm_mm;
	bool update = false;
	u64 va = start;
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_next(&mm->pmap, &va, end);
	for (; e && va < end; e++, va += PAGE_SIZE) {
		pte_t new = protected_entry(p, *e);

		update |= *e & PTE_MAPPED && (*e ^ new) & PTE_RIGHTS;
		*e = new;
	}
	spin_unlock(&mm->page_table_lock);
	if (update)
		pmap_update_rights(&mm->pmap, start, end);
}

/*
 * Does what protect_table() does, also for a file's mapping. There i_mmap_sem keeps writeback from
 * running between the change of the entries and that of the host mappings: writeback reads the
 * entries and then waits for a flush. mprotect.c does so too.
 */
static void protect_table_of_file(struct protection *p, u64 start, u64 end)
{
	struct address_space *m = p->v->vm_mapping;

	if (!m || m->a_ops->memory_only || vma_is_cow(p->v)) {
		protect_table(p, start, end);
		return;
	}
	down_write(&m->i_mmap_sem);
	protect_table(p, start, end);
	up_write(&m->i_mmap_sem);
}

static bool makes_markers(const struct vm_area *v)
{
	return !vma_is_anon(v) || v->vm_uffd->features & UFFD_FEATURE_WP_UNPOPULATED;
}

int uffd_protect_entries(struct vm_area *v, u64 start, u64 end, enum uffd_protect how)
{
	struct protection p = { .v = v, .how = how };
	struct mm *mm = v->vm_mm;

	p.markers = how != PROTECT_OFF && makes_markers(v);
	while (start < end) {
		u64 stop = min(end, (start | (TABLE_SPAN - 1)) + 1);

		if (p.markers) { /* tables of an existing area are not freed */
			if (!entry_lock(mm, start))
				return -ENOMEM;
			entry_unlock(mm);
			if (wait_interrupted(TASK_KILLABLE)) /* the range may be a terabyte */
				return -EINTR;
		}
		protect_table_of_file(&p, start, stop);
		start = p.markers ? stop : mm_next_entry(mm, stop, end);
		cond_resched();
	}
	return 0;
}

bool uffd_is_async(const struct vm_area *v)
{
	return v->vm_flags & VM_UFFD_WP && v->vm_uffd->features & UFFD_FEATURE_WP_ASYNC;
}

/*
 * Changes the protection in all areas of the range. Stops with -ENOENT at an area that is not
 * watched for writes.
 */
static int protect_areas(struct mm *mm, u64 start, u64 end, enum uffd_protect how)
{
	int err = -ENOENT;

	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v)) {
		u64 first = max(start, v->vm_start), last = min(end, v->vm_end);

		if (!(v->vm_flags & VM_UFFD_WP))
			return -ENOENT;
		if (v->vm_flags & VM_HUGETLB && (first | last) & ~HPAGE_MASK)
			return -EINVAL;
		err = uffd_protect_entries(v, first, last, how);
		if (err)
			return err;
	}
	return err;
}

int uffd_writeprotect(struct uffd *u, u64 start, u64 len, bool on)
{
	struct mm *mm = u->mm;
	int err = uffd_check_range(start, len);

	if (err)
		return err;
	if (!atomic_inc_not_zero(&mm->mm_users))
		return -ESRCH;
	down_read(&mm->mmap_lock);
	if (atomic_read(&u->changing))
		err = -EAGAIN;
	else
		err = protect_areas(mm, start, start + len, on ? PROTECT_ON : PROTECT_OFF);
	pmap_settle(&mm->pmap);
	up_read(&mm->mmap_lock);
	mmput(mm);
	return err;
}
