/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_file.c: the huge pages of a file, and the promises that an access will find a page.
 *
 * A shared mapping adds its promise to the file: a page exists for each index of the mapping that
 * any task touches, until the file is truncated. A private mapping has a promise of its own (struct
 * huge_promise), with a bit for each page that was taken or given up. With MAP_NORESERVE there is
 * no promise: a touch takes a page that no promise needs, or raises SIGBUS.
 *
 * A slot of a file is empty -> promised -> a page -> empty (hole, truncation). The file holds a
 * reference to each frame of a page.
 *
 * Invariants:
 * 1. For each promised slot and each clear bit of a private promise, the pool keeps a page.
 * 2. A page is in a slot below i_size, unless fallocate() kept the size.
 *
 * Locks: huge_file.lock protects everything in this file. It is held while entries are made and
 * while they are removed, so no fault maps a page that has left its file. Promises of private
 * mappings are made and dropped with areas, under mmap_lock.
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"

const struct hugetlb_ops *hugetlb_ops;
int sysctl_hugetlb_shm_group;

struct file *hugetlb_file_setup(const char *name, loff_t size, bool promise)
{
	return hugetlb_ops ? hugetlb_ops->file_setup(name, size, promise) : ERR_PTR(-ENOMEM);
}

void huge_file_init(struct huge_file *f, struct huge_quota *quota)
{
	*f = (struct huge_file){ .slots = RADIX_INIT, .quota = quota };
	mutex_init(&f->lock);
}

/* ---- promises of files ---- */

static u64 count_empty(struct huge_file *f, u64 first, u64 end)
{
	u64 n = end - first;

	for (u64 at = first; radix_next(&f->slots, &at) && at < end; at++)
		n--;
	return n;
}

/* Removes the promises of [first, end) from the file. Returns their number. */
static u64 forget_promises(struct huge_file *f, u64 first, u64 end)
{
	u64 n = 0;
	void *slot;

	for (u64 at = first; (slot = radix_next(&f->slots, &at)) && at < end; at++)
		if (slot_is_promise(slot)) {
			radix_delete(&f->slots, at);
			huge_uncharge(HUGE_RESERVED, slot_payer(slot), 1);
			n++;
		}
	return n;
}

/* Adds promises to the empty slots of [first, end), until memory is short. Returns their number. */
static u64 insert_promises(struct huge_file *f, struct mem_group *payer, u64 first, u64 end)
{
	u64 made = 0;
	int err = 0;

	for (u64 at = first; at < end && (!err || err == -EEXIST); at++) {
		err = radix_insert(&f->slots, at, slot_of_promise(payer));
		made += !err;
	}
	return made;
}

int huge_file_promise(struct huge_file *f, u64 first, u64 end)
{
	struct mem_group *payer;
	u64 n;
	int err;

	assert_mutex_held(&f->lock);
	n = count_empty(f, first, end);
	payer = huge_charge(HUGE_RESERVED, n);
	if (IS_ERR(payer))
		return (int)PTR_ERR(payer);
	err = huge_reserve(f->quota, n);
	if (!err) {
		n -= insert_promises(f, payer, first, end);
		/* no memory: the promises made so far stay until the file is truncated */
		if (n) {
			huge_unreserve(f->quota, n);
			err = -ENOMEM;
		}
	}
	if (err)
		huge_uncharge(HUGE_RESERVED, payer, n);
	return err;
}

/* ---- pages of files ---- */

/*
 * Takes the promised page of a slot. @payer, which is charged for the promise, stays charged for
 * the page. ERR_PTR.
 */
static struct page *take_promised(struct huge_file *f, struct mem_group *payer)
{
	struct mem_group *used = huge_charge(HUGE_USED, 1);
	struct page *head;

	if (IS_ERR(used))
		return ERR_PTR(-ENOSPC);
	head = huge_take(f->quota, true);
	huge_page_owned(head, used, payer);
	return head;
}

/*
 * Makes the page at @index, whose @slot is empty or a promise. f->lock is held. May sleep.
 * ERR_PTR(-ENOSPC, -ENOMEM).
 */
static struct page *make_page(struct huge_file *f, u64 index, void *slot)
{
	struct page *head =
		slot ? take_promised(f, slot_payer(slot)) : huge_take_charged(f->quota, NULL, 0);

	if (IS_ERR(head))
		return head;
	if (slot) {
		radix_replace(&f->slots, index, head);
	} else if (radix_insert(&f->slots, index, head)) {
		huge_page_put(head);
		return ERR_PTR(-ENOMEM);
	}
	f->pages++;
	return head;
}

struct page *huge_file_page(struct huge_file *f, u64 index, bool make)
{
	void *slot;

	assert_mutex_held(&f->lock);
	slot = radix_lookup(&f->slots, index);
	if (slot_is_page(slot))
		return slot;
	return make ? make_page(f, index, slot) : NULL;
}

int huge_file_allocate(struct huge_file *f, u64 index)
{
	struct page *head;

	mutex_lock(&f->lock);
	head = huge_file_page(f, index, true);
	mutex_unlock(&f->lock);
	return IS_ERR(head) ? (int)PTR_ERR(head) : 0;
}

struct page *huge_file_frame(struct huge_file *f, u64 index)
{
	struct page *p;

	mutex_lock(&f->lock);
	p = huge_file_page(f, index >> HPAGE_ORDER, false);
	if (p) {
		p += index & (HPAGE_FRAMES - 1);
		get_page(p);
	}
	mutex_unlock(&f->lock);
	return p;
}

void huge_file_drop(struct huge_file *f, struct address_space *m, u64 first, u64 end, bool promises)
{
	void *slot;
	u64 n;

	assert_mutex_held(&f->lock);
	if (first >= end)
		return;
	unmap_mapping_range(m, first << HPAGE_ORDER,
		end > ~0UL >> HPAGE_ORDER ? 0 : (end - first) << HPAGE_ORDER);
	for (u64 at = first; (slot = radix_next(&f->slots, &at)) && at < end; at++) {
		if (!slot_is_page(slot))
			continue;
		radix_delete(&f->slots, at);
		f->pages--;
		huge_page_put(slot);
	}
	n = promises ? forget_promises(f, first, end) : 0;
	huge_unreserve(f->quota, n);
}

/* ---- promises of private mappings ---- */

static u64 huge_index(const struct vm_area *v, u64 addr)
{
	return vma_index(v, addr) >> HPAGE_ORDER;
}

static struct huge_promise *promise_of(const struct vm_area *v)
{
	void *p = READ_ONCE(v->vm_private); /* NULL can become HUGE_LOST at any time */

	return p == HUGE_LOST ? NULL : p;
}

/* Marks the unused promises of [first, end) as used. Returns their number. */
static u64 spend(struct huge_promise *p, u64 first, u64 end)
{
	u64 n = 0;

	for (u64 i = first - p->first; i < end - p->first; i++)
		n += !test_and_set_bit(i % 64, &p->spent[i / 64]);
	return n;
}

bool huge_promise_spend(struct vm_area *v, u64 index)
{
	struct huge_promise *p = promise_of(v);

	return p && spend(p, index, index + 1);
}

static void promise_put(struct huge_promise *p)
{
	if (--p->refs)
		return;
	huge_uncharge(HUGE_RESERVED, p->payer, p->charged);
	kfree(p);
}

/* Adds a reference to the promise when an area is split. A forked child gets no promise. */
static void huge_open(struct vm_area *v)
{
	struct huge_promise *p = promise_of(v);

	if (!p)
		return;
	if (p->mm == v->vm_mm)
		p->refs++;
	else
		v->vm_private = NULL;
}

/* Gives up the promised pages of the area that were not taken. */
static void huge_close(struct vm_area *v)
{
	struct huge_promise *p = promise_of(v);
	struct huge_file *f = v->vm_mapping->huge;
	u64 n, gone;

	if (!p)
		return;
	mutex_lock(&f->lock);
	n = spend(p, huge_index(v, v->vm_start), huge_index(v, v->vm_end));
	gone = min(p->charged, vma_pages(v) >> HPAGE_ORDER);
	p->charged -= gone;
	mutex_unlock(&f->lock);
	huge_uncharge(HUGE_RESERVED, p->payer, gone);
	promise_put(p);
	huge_unreserve(f->quota, n);
}

static const struct vm_operations huge_vm_ops = { .open = huge_open, .close = huge_close };

/* Promises the pages of a new private mapping. f->lock is held. 0 or -ENOMEM. */
static int private_promise(struct huge_file *f, struct vm_area *v)
{
	u64 nr = vma_pages(v) >> HPAGE_ORDER;
	struct mem_group *payer = huge_charge(HUGE_RESERVED, nr);
	struct huge_promise *p;
	int err;

	if (IS_ERR(payer))
		return (int)PTR_ERR(payer);
	err = huge_reserve(f->quota, nr);
	if (err)
		goto err_uncharge;
	p = kzalloc(sizeof(*p) + DIV_ROUND_UP(nr, 64) * sizeof(u64), GFP_KERNEL);
	if (!p) {
		err = -ENOMEM;
		goto err_unreserve;
	}
	p->payer = payer;
	p->charged = nr;
	p->refs = 1;
	p->mm = v->vm_mm;
	p->first = huge_index(v, v->vm_start);
	p->nr = nr;
	v->vm_private = p;
	return 0;

err_unreserve:
	huge_unreserve(f->quota, nr);
err_uncharge:
	huge_uncharge(HUGE_RESERVED, payer, nr);
	return err;
}

void huge_promise_moved(struct mm *mm, u64 addr, u64 len)
{
	for (struct vm_area *v = find_vma(mm, addr); v && v->vm_start < addr + len;
		v = vma_next(v)) {
		struct huge_promise *p = promise_of(v);

		if (!(v->vm_flags & VM_HUGETLB) || !p || v->vm_ops != &huge_vm_ops)
			continue;
		v->vm_private = NULL;
		promise_put(p);
	}
}

/* ---- mmap ---- */

int hugetlb_mmap(struct address_space *m, struct vm_area *v)
{
	struct huge_file *f = m->huge;
	u64 first, end;

	assert_mutex_held(&f->lock);
	if ((v->vm_start | v->vm_end | v->vm_pgoff << PAGE_SHIFT) & ~HPAGE_MASK)
		return -EINVAL;
	v->vm_flags =
		(v->vm_flags & ~(u64)(VM_LOCKED | VM_LOCKONFAULT)) | VM_HUGETLB | VM_DONTEXPAND;
	v->vm_ops = &huge_vm_ops;
	if (v->vm_flags & VM_NORESERVE || f->prepaid)
		return 0;
	if (!(v->vm_flags & VM_SHARED))
		return private_promise(f, v);
	first = v->vm_pgoff >> HPAGE_ORDER;
	end = first + (vma_pages(v) >> HPAGE_ORDER);
	return huge_file_promise(f, first, end);
}
