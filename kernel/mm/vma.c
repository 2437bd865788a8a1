/* SPDX-License-Identifier: MIT */
/*
 * vma.c: the areas of an address space, as a tree by address and as a sorted list.
 *
 * A VMA with a mapping (file, shared memory) is also on the mapping's i_mmap_list, where truncation
 * and writeback find the areas that map a page. Its bounds change under mmap_lock (writing) and,
 * when it has a mapping, under i_mmap_sem (writing) as well: a holder of either lock sees
 * consistent bounds.
 *
 * Invariants:
 * 1. VMAs of one mm do not overlap, and no VMA is empty.
 * 2. Two neighbours that vma_can_merge() allows are one VMA after vma_merge_range().
 * 3. mm->map_count is the number of VMAs.
 * 4. vm_pgoff of anonymous private areas has no meaning.
 *
 * Free areas are searched from the top down below mmap_base (Linux's layout), by walking the list.
 * A process with thousands of VMAs would walk them all for each mmap, so the search keeps a mark,
 * mm->free_mark, at the top of the hole taken last. No hole between the mark and mmap_base is
 * larger than mm->free_largest. A search for more than that begins at the mark, any other at
 * mmap_base. Freeing addresses above the mark raises it. Both fields are protected by mmap_lock
 * (writing).
 */
#include "kernel/mm/hugetlb/hugetlb_internal.h"

#include <asm/mman.h>

struct kmem_cache *vma_cache;

/* ---- one VMA ---- */

struct vm_area *vma_alloc(struct mm *mm, u64 start, u64 end, u64 flags)
{
	struct vm_area *v = kmem_cache_zalloc(vma_cache, GFP_KERNEL);

	if (!v)
		return NULL;
	v->vm_mm = mm;
	v->vm_start = start;
	v->vm_end = end;
	v->vm_flags = flags;
	v->vm_pgoff = start >> PAGE_SHIFT;
	v->next_fault = v->last_fault = ~0UL;
	INIT_LIST_HEAD(&v->shared);
	return v;
}

void vma_free(struct vm_area *v)
{
	if (v->vm_file)
		mm_file_ops->put(v->vm_file);
	kmem_cache_free(vma_cache, v);
}

pte_t vma_rights(const struct vm_area *v)
{
	pte_t e = PTE_US | PTE_A;

	if (v->vm_flags & VM_ACCESS)
		e |= PTE_P;
	if (v->vm_flags & VM_WRITE)
		e |= PTE_RW;
	if (!(v->vm_flags & VM_EXEC))
		e |= PTE_NX;
	return e;
}

struct vm_area *vma_prev(struct vm_area *v)
{
	return v->vm_list.prev == &v->vm_mm->mmap_list ? NULL : list_prev_entry(v, vm_list);
}

struct vm_area *vma_next(struct vm_area *v)
{
	return v->vm_list.next == &v->vm_mm->mmap_list ? NULL : list_next_entry(v, vm_list);
}

/* ---- the tree ---- */

struct vm_area *find_vma(struct mm *mm, u64 addr)
{
	struct rb_node *n = mm->mm_rb.node;
	struct vm_area *best = NULL;

	while (n) {
		struct vm_area *v = rb_entry(n, struct vm_area, vm_rb);

		if (v->vm_end > addr) {
			best = v;
			if (v->vm_start <= addr)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

struct vm_area *vma_lookup(struct mm *mm, u64 addr)
{
	struct vm_area *v = find_vma(mm, addr);

	return v && v->vm_start <= addr ? v : NULL;
}

/* Links an area to the tree and the list of its mm. */
static void tree_insert(struct vm_area *v)
{
	struct rb_node **link = &v->vm_mm->mm_rb.node, *parent = NULL;
	struct list_head *before = &v->vm_mm->mmap_list;

	while (*link) {
		struct vm_area *at = rb_entry(*link, struct vm_area, vm_rb);

		parent = *link;
		if (v->vm_start < at->vm_start) {
			link = &parent->left;
		} else {
			before = &at->vm_list;
			link = &parent->right;
		}
	}
	rb_link_node(&v->vm_rb, parent, link);
	rb_insert_color(&v->vm_rb, &v->vm_mm->mm_rb);
	list_add(&v->vm_list, before);
}

static bool vma_writes_mapping(const struct vm_area *v)
{
	return (v->vm_flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE);
}

static void mapping_link(struct vm_area *v)
{
	struct address_space *m = v->vm_mapping;

	list_add_tail(&v->shared, &m->i_mmap_list);
	if (vma_writes_mapping(v))
		atomic_inc(&m->i_mmap_writable);
}

void vma_link(struct vm_area *v)
{
	struct address_space *m = v->vm_mapping;

	assert_rwsem_held_write(&v->vm_mm->mmap_lock);
	tree_insert(v);
	v->vm_mm->map_count++;
	if (!m)
		return;
	down_write(&m->i_mmap_sem);
	mapping_link(v);
	up_write(&m->i_mmap_sem);
}

static void tree_remove(struct vm_area *v)
{
	assert_rwsem_held_write(&v->vm_mm->mmap_lock);
	rb_erase(&v->vm_rb, &v->vm_mm->mm_rb);
	list_del(&v->vm_list);
	v->vm_mm->map_count--;
}

static void mapping_unlink(struct vm_area *v)
{
	list_del_init(&v->shared);
	if (vma_writes_mapping(v))
		atomic_dec(&v->vm_mapping->i_mmap_writable);
}

static u64 room_start(const struct vm_area *v);

/*
 * Raises mm->free_mark to the top of the hole below @next (NULL: below mmap_base), which has grown
 * or is about to grow.
 */
static void free_mark_raise(struct mm *mm, const struct vm_area *next)
{
	u64 top = next ? room_start(next) : mm->mmap_base;

	if (mm->free_mark && mm->free_mark < top)
		mm->free_mark = top;
}

void vma_unlink(struct vm_area *v)
{
	struct address_space *m = v->vm_mapping;

	free_mark_raise(v->vm_mm, vma_next(v));
	tree_remove(v);
	if (!m)
		return;
	down_write(&m->i_mmap_sem);
	mapping_unlink(v);
	up_write(&m->i_mmap_sem);
}

/* ---- bounds ---- */

static void set_bounds(struct vm_area *v, u64 start, u64 end)
{
	v->vm_pgoff += (s64)(start - v->vm_start) >> PAGE_SHIFT;
	v->vm_start = start;
	v->vm_end = end;
}

void vma_resize(struct vm_area *v, u64 start, u64 end)
{
	struct address_space *m = v->vm_mapping;

	if (m)
		down_write(&m->i_mmap_sem);
	set_bounds(v, start, end);
	if (m)
		up_write(&m->i_mmap_sem);
	free_mark_raise(v->vm_mm, v);
	free_mark_raise(v->vm_mm, vma_next(v));
}

struct vm_area *vma_split(struct vm_area *v, u64 addr)
{
	struct address_space *m = v->vm_mapping;
	struct vm_area *upper = kmem_cache_alloc(vma_cache, GFP_KERNEL);

	if (!upper)
		return NULL;
	memcpy(upper, v, sizeof(*v));
	INIT_LIST_HEAD(&upper->shared);
	if (upper->vm_file)
		mm_file_ops->get(upper->vm_file);
	if (upper->vm_ops && upper->vm_ops->open)
		upper->vm_ops->open(upper);
	if (m)
		down_write(&m->i_mmap_sem);
	set_bounds(upper, addr, v->vm_end);
	set_bounds(v, v->vm_start, addr);
	if (m) {
		mapping_link(upper);
		huge_area_follows(upper, v);
		up_write(&m->i_mmap_sem);
	}
	tree_insert(upper);
	v->vm_mm->map_count++;
	return upper;
}

static int split_at(struct mm *mm, u64 addr)
{
	struct vm_area *v = vma_lookup(mm, addr);

	if (!v || v->vm_start == addr)
		return 0;
	if (v->vm_flags & VM_HUGETLB && addr & ~HPAGE_MASK)
		return -EINVAL;
	return vma_split(v, addr) ? 0 : -ENOMEM;
}

int vma_split_range(struct mm *mm, u64 start, u64 end)
{
	int err = split_at(mm, start);

	return err ? err : split_at(mm, end);
}

bool vma_can_merge(const struct vm_area *a, const struct vm_area *b)
{
	if (a->vm_end != b->vm_start || a->vm_flags != b->vm_flags)
		return false;
	if (a->vm_file != b->vm_file || a->vm_mapping != b->vm_mapping || a->vm_ops != b->vm_ops)
		return false;
	if (a->vm_uffd != b->vm_uffd || a->vm_policy != b->vm_policy ||
		a->vm_family != b->vm_family || a->vm_private != b->vm_private ||
		a->vm_name != b->vm_name || a->vm_flags & (VM_SPECIAL_NAME | VM_HUGETLB))
		return false;
	return vma_is_anon(a) || a->vm_pgoff + vma_pages(a) == b->vm_pgoff;
}

/* Merges @b into @a. */
static void merge_two(struct vm_area *a, struct vm_area *b)
{
	struct address_space *m = b->vm_mapping;

	tree_remove(b);
	if (m)
		down_write(&m->i_mmap_sem);
	set_bounds(a, a->vm_start, b->vm_end);
	if (m) {
		mapping_unlink(b);
		up_write(&m->i_mmap_sem);
	}
	if (b->vm_ops && b->vm_ops->close)
		b->vm_ops->close(b);
	vma_free(b);
}

void vma_merge_range(struct mm *mm, u64 start, u64 end)
{
	struct vm_area *v = find_vma(mm, start ? start - 1 : 0), *next;

	while (v && v->vm_start <= end && (next = vma_next(v))) {
		if (vma_can_merge(v, next))
			merge_two(v, next);
		else
			v = next;
	}
}

/* ---- accounting and limits ---- */

void vm_stat_account(struct mm *mm, u64 flags, s64 pages)
{
	mm->total_vm += pages;
	if (mm->total_vm > mm->hiwater_vm)
		mm->hiwater_vm = mm->total_vm;
	if (flags & VM_GROWSDOWN)
		mm->stack_vm += pages;
	else if ((flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		mm->data_vm += pages;
	else if ((flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
		mm->exec_vm += pages;
	if (flags & VM_LOCKED)
		mm->locked_vm += pages;
}

bool may_expand_vm(struct mm *mm, u64 flags, u64 pages)
{
	if (mm->total_vm + pages > mmap_limit(RLIMIT_AS) >> PAGE_SHIFT)
		return false;
	if ((flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) != VM_WRITE)
		return true;
	return mm->data_vm + pages <= mmap_limit(RLIMIT_DATA) >> PAGE_SHIFT;
}

/* ---- free areas ---- */

/* Returns where the addresses reserved for a VMA begin: for a stack this includes the guard gap. */
static u64 room_start(const struct vm_area *v)
{
	if (!(v->vm_flags & VM_GROWSDOWN))
		return v->vm_start;
	return v->vm_start > STACK_GUARD_GAP ? v->vm_start - STACK_GUARD_GAP : 0;
}

static bool range_free(struct mm *mm, u64 start, u64 len)
{
	struct vm_area *v;

	if (start < MMAP_MIN_ADDR || len > mm->task_size || start > mm->task_size - len)
		return false;
	v = find_vma(mm, start);
	return !v || start + len <= room_start(v);
}

/*
 * Finds the first hole below @top with room for @len bytes, and returns its end, or 0. Raises
 * *larger to the size of the largest hole that was too small.
 */
static u64 hole_below(struct mm *mm, u64 len, u64 align, u64 top, u64 *larger)
{
	struct vm_area *v = find_vma(mm, top - 1);
	u64 end = top, low;

	if (v && room_start(v) < end)
		end = room_start(v);
	v = v                          ? vma_prev(v) :
	    list_empty(&mm->mmap_list) ? NULL :
					 list_last_entry(&mm->mmap_list, struct vm_area, vm_list);
	for (;; v = vma_prev(v)) {
		low = v ? max(v->vm_end, (u64)MMAP_MIN_ADDR) : MMAP_MIN_ADDR;
		if (end >= len && ((end - len) & ~(align - 1)) >= low)
			return end;
		if (end > low)
			*larger = max(*larger, end - low);
		if (!v)
			return 0;
		end = min(end, room_start(v));
	}
}

/*
 * Returns the highest free range below mmap_base, or -ENOMEM. mmap_lock is held for writing, since
 * the search updates its marks.
 */
static u64 search_down(struct mm *mm, u64 len, u64 align)
{
	u64 end, top = mm->mmap_base;

	assert_rwsem_held_write(&mm->mmap_lock);
	if (mm->free_mark && len > mm->free_largest)
		top = min(top, mm->free_mark);
	else
		mm->free_largest = 0;
	end = hole_below(mm, len, align, top, &mm->free_largest);
	if (!end)
		return -ENOMEM;
	mm->free_mark = end;
	return (end - len) & ~(align - 1);
}

/* Returns the lowest free range in [from, limit), or -ENOMEM. */
static u64 search_up(struct mm *mm, u64 len, u64 align, u64 from, u64 limit)
{
	u64 at = round_up(from, align);

	for (struct vm_area *v = find_vma(mm, at); len <= limit && at <= limit - len;
		v = vma_next(v)) {
		if (!v || at + len <= room_start(v))
			return at;
		at = max(at, round_up(v->vm_end, align));
	}
	return -ENOMEM;
}

u64 find_free_area(struct mm *mm, u64 hint, u64 len, u64 align, int flags)
{
	u64 at;

	if (len > mm->task_size - MMAP_MIN_ADDR)
		return -ENOMEM;
	if (hint) {
		hint = PAGE_ALIGN(hint);
		if (!(hint & (align - 1)) && range_free(mm, hint, len))
			return hint;
	}
	if (flags & MAP_32BIT)
		return search_up(mm, len, align, 0x40000000, 0x80000000);
	at = search_down(mm, len, align);
	/* no hole below mmap_base is large enough: search above it */
	if (IS_ERR_VALUE(at))
		at = search_up(mm, len, align, mm->mmap_base, mm->task_size);
	return at;
}

u64 get_unmapped_area(struct mm *mm, u64 hint, u64 len, u64 align)
{
	u64 at;

	down_write(&mm->mmap_lock);
	at = find_free_area(mm, hint, PAGE_ALIGN(len), max(align, PAGE_SIZE), 0);
	up_write(&mm->mmap_lock);
	return at;
}

static int vma_init(void)
{
	vma_cache = kmem_cache_create("vm_area_struct", sizeof(struct vm_area), 0);
	return vma_cache ? 0 : -ENOMEM;
}
INITCALL(1, vma_init);
