/* SPDX-License-Identifier: MIT */
/*
 * userfault.c: faults that a program handles itself (userfaultfd(2)): the waiting tasks and the
 * watched areas.
 *
 *	resolve() (fault.c)    calls userfault_check() for an area with vm_uffd and returns
 *	                       USERFAULT
 *	userfault_wait()       queues a message, drops mmap_lock, sleeps until the handler
 *	                       wakes its address
 *	uffd_register() ...    chooses areas; userfault_fill.c has the handler's ioctls
 *
 * Three kinds of access are watched:
 * - missing pages: anonymous memory without an entry, shared memory not in the page cache or among
 *   a file's huge pages
 * - minor: pages that are present and have no entry
 * - writes to write-protected pages: PTE_UFFD_WP, which goes with PTE_COW in private areas, so that
 *   removing the protection leaves an ordinary page to be reused
 * Pages that are not present are protected by PTE_WP_MARKER: those of files and shared memory, and
 * with UFFD_FEATURE_WP_UNPOPULATED anonymous ones. With UFFD_FEATURE_WP_ASYNC no handler is
 * notified: a write removes the protection, and PAGEMAP_SCAN reports the page as written. This
 * works for mappings of any file.
 *
 * In a watched area nothing is mapped ahead. Registering for missing pages, or with
 * UFFD_FEATURE_WP_UNPOPULATED, removes pages that were mapped ahead and not touched: they count as
 * missing. Otherwise they count as touched. The copy that fork or mremap makes is not watched,
 * unless the handler has requested events of these (userfault_event.c).
 *
 * States of a waiter: queued on @pending -> message taken: on @read -> woken: on no list. After a
 * waiter has queued itself it checks the entry again, in case the handler has filled it meanwhile.
 *
 * Locks: mmap_lock protects vm_uffd and the VM_UFFD flags; inside it u->readers.lock protects the
 * lists.
 */
#include "kernel/mm/userfault/userfault.h"

#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/swap/swap_internal.h"

int sysctl_unprivileged_userfaultfd;

#define POLL_READABLE 1 /* EPOLLIN */

struct userfault_waiter {
	struct list_head list;
	struct task *task;
	u64 addr;
	struct uffd_msg msg;
	bool woken;
};

/* ---- descriptors ---- */

struct uffd *uffd_alloc(struct mm *mm, bool user_only, u32 file_flags)
{
	struct uffd *u = kzalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return NULL;
	atomic_set(&u->refs, 1);
	mmgrab(mm);
	u->mm = mm;
	u->user_only = user_only;
	u->file_flags = file_flags;
	init_waitqueue_head(&u->readers);
	init_waitqueue_head(&u->senders);
	INIT_LIST_HEAD(&u->events);
	INIT_LIST_HEAD(&u->pending);
	INIT_LIST_HEAD(&u->read);
	return u;
}

void uffd_put(struct uffd *u)
{
	if (!atomic_dec_and_test(&u->refs))
		return;
	mmdrop(u->mm);
	kfree(u);
}

bool uffd_take_message(struct uffd *u, struct uffd_msg *msg)
{
	struct userfault_waiter *w;
	bool any;

	spin_lock(&u->readers.lock);
	any = !list_empty(&u->pending);
	if (any) {
		w = list_first_entry(&u->pending, struct userfault_waiter, list);
		list_move_tail(&w->list, &u->read);
		*msg = w->msg;
	}
	spin_unlock(&u->readers.lock);
	return any;
}

void uffd_counts(struct uffd *u, u64 *pending, u64 *total)
{
	struct list_head *p;

	*pending = *total = 0;
	spin_lock(&u->readers.lock);
	list_for_each(p, &u->pending)
		++*pending;
	list_for_each(p, &u->read)
		++*total;
	spin_unlock(&u->readers.lock);
	*total += *pending;
}

/* Wakes up the waiters of the list in [start, end). readers.lock is held. */
static void wake_list(struct list_head *l, u64 start, u64 end)
{
	struct userfault_waiter *w, *next;

	list_for_each_entry_safe(w, next, l, list) {
		struct task *t = w->task;

		if (w->addr < start || w->addr >= end)
			continue;
		list_del(&w->list);
		smp_store_release(&w->woken, true); /* w may be freed after this line */
		wake_up_process(t);
	}
}

void uffd_wake_range(struct uffd *u, u64 start, u64 end)
{
	spin_lock(&u->readers.lock);
	wake_list(&u->pending, start, end);
	wake_list(&u->read, start, end);
	spin_unlock(&u->readers.lock);
}

/* ---- the faulting task ---- */

/*
 * Returns the VM_UFFD_* flag by which a fault without an entry is handled; 0: the kernel handles
 * it. mmap_lock is held.
 */
static u64 kind_of_missing(struct vm_area *v, u64 addr)
{
	struct address_space *m = v->vm_mapping;
	u64 index = vma_index(v, addr);
	struct page *p;
	bool there;

	if (!m)
		return VM_UFFD_MISSING;
	if ((u64)mapping_size(m) <= index << PAGE_SHIFT)
		return 0; /* behind the end: SIGBUS */
	p = v->vm_flags & VM_HUGETLB ? huge_file_frame(m->huge, index) : find_get_page(m, index);
	there = p && (PageUptodate(p) || PagePrivate(p)); /* in tmpfs, perhaps only reserved */
	if (p)
		put_page(p);
	return there ? VM_UFFD_MINOR : VM_UFFD_MISSING;
}

/* Returns the VM_UFFD flag of the kind of this fault. 0: no handler is concerned. */
static u64 kind_of_fault(struct vm_area *v, u64 addr, pte_t e, u32 flags)
{
	if (pte_none(e))
		return v->vm_flags & (VM_UFFD_MISSING | VM_UFFD_MINOR) ?
			       kind_of_missing(v, addr & PAGE_MASK) :
			       0;
	return flags & FAULT_WRITE && e & PTE_UFFD_WP && !(e & PTE_RW) ? VM_UFFD_WP : 0;
}

bool userfault_check(struct vm_area *v, u64 addr, pte_t e, u32 flags)
{
	return v->vm_flags & kind_of_fault(v, addr, e, flags);
}

bool userfault_let_go(struct vm_area *v, u64 addr, pte_t e)
{
	u64 size = v->vm_flags & VM_HUGETLB ? HPAGE_SIZE : PAGE_SIZE;
	struct mm *mm = v->vm_mm;
	pte_t *p;

	if (pte_none(e) || !uffd_is_async(v))
		return false;
	addr &= ~(size - 1);
	spin_lock(&mm->page_table_lock);
	p = pmap_pte(&mm->pmap, addr, false);
	for (u64 i = 0; p && !(*p & PTE_SPECIAL) && i < size / PAGE_SIZE; i++)
		p[i] &= ~PTE_UFFD_WP;
	spin_unlock(&mm->page_table_lock);
	return true;
}

/* Returns the entry for @addr, or 0. Takes page_table_lock. */
static pte_t entry_at(struct mm *mm, u64 addr)
{
	pte_t *ep, e;

	spin_lock(&mm->page_table_lock);
	ep = pmap_pte(&mm->pmap, addr & PAGE_MASK, false);
	e = ep ? *ep : 0;
	spin_unlock(&mm->page_table_lock);
	return e;
}

static void make_message(
	const struct uffd *u, struct uffd_msg *msg, u64 addr, u64 mask, u64 kind, u32 flags)
{
	memset(msg, 0, sizeof(*msg));
	msg->event = UFFD_EVENT_PAGEFAULT;
	msg->arg.pagefault.address = u->features & UFFD_FEATURE_EXACT_ADDRESS ? addr : addr & mask;
	if (flags & FAULT_WRITE)
		msg->arg.pagefault.flags |= UFFD_PAGEFAULT_FLAG_WRITE;
	if (kind == VM_UFFD_WP)
		msg->arg.pagefault.flags |= UFFD_PAGEFAULT_FLAG_WP;
	if (kind == VM_UFFD_MINOR)
		msg->arg.pagefault.flags |= UFFD_PAGEFAULT_FLAG_MINOR;
	if (u->features & UFFD_FEATURE_THREAD_ID)
		msg->arg.pagefault.feat.ptid = (u32)current->pid;
}

/* Queues a waiter. Returns false if the descriptor was released. */
static bool enqueue(struct uffd *u, struct userfault_waiter *w)
{
	bool queued;

	spin_lock(&u->readers.lock);
	queued = !u->released;
	if (queued)
		list_add_tail(&w->list, &u->pending);
	spin_unlock(&u->readers.lock);
	return queued;
}

static void dequeue(struct uffd *u, struct userfault_waiter *w)
{
	spin_lock(&u->readers.lock);
	if (!w->woken)
		list_del(&w->list);
	spin_unlock(&u->readers.lock);
}

/* Waits until the handler wakes @w. The message is queued, and no lock is held. */
static int wait_for_handler(struct uffd *u, struct userfault_waiter *w, u32 state)
{
	int err = 0;

	wake_up_common(&u->readers, TASK_NORMAL, 1, POLL_READABLE);
	for (;;) {
		set_current_state(state);
		if (smp_load_acquire(&w->woken) || err)
			break;
		if (wait_interrupted(state))
			err = -EINTR;
		else
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	dequeue(u, w);
	return err;
}

int userfault_wait(struct vm_area *v, u64 addr, u32 flags, bool user)
{
	u64 mask = v->vm_flags & VM_HUGETLB ? HPAGE_MASK : PAGE_MASK;
	struct userfault_waiter w = { .task = current, .addr = addr & mask };
	struct mm *mm = v->vm_mm;
	struct uffd *u = v->vm_uffd;
	u64 kind = v->vm_flags & kind_of_fault(v, addr, entry_at(mm, addr), flags);
	int err = 0;

	if (u->features & UFFD_FEATURE_SIGBUS || (!user && u->user_only) ||
		current->flags & PF_EXITING) {
		up_read(&mm->mmap_lock);
		return kind ? -EFAULT : 0;
	}
	atomic_inc(&u->refs);
	make_message(u, &w.msg, addr, mask, kind, flags);
	if (!kind || !enqueue(u, &w)) {
		up_read(&mm->mmap_lock);
	} else if (!userfault_check(v, addr, entry_at(mm, addr), flags)) {
		up_read(&mm->mmap_lock);
		dequeue(u, &w);
	} else {
		up_read(&mm->mmap_lock);
		err = wait_for_handler(u, &w, user ? TASK_INTERRUPTIBLE : TASK_KILLABLE);
	}
	uffd_put(u);
	return err;
}

/* ---- areas ---- */

int uffd_check_range(u64 start, u64 len)
{
	u64 top = arch_task_size();

	if ((start | len) & ~PAGE_MASK || !len || start < MMAP_MIN_ADDR)
		return -EINVAL;
	return len > top || start > top - len ? -EINVAL : 0;
}

/* True if the area may be watched with @mode (VM_UFFD flags). */
static bool watchable(const struct uffd *u, const struct vm_area *v, u64 mode)
{
	bool shmem =
		v->vm_mapping && v->vm_mapping->a_ops->memory_only && !v->vm_mapping->a_ops->secret;

	if (v->vm_flags & (VM_IO | VM_PFNMAP | VM_SPECIAL_NAME | VM_DROPPABLE))
		return false;
	if (v->vm_flags & VM_HUGETLB)
		return true;
	if (mode == VM_UFFD_WP && u->features & UFFD_FEATURE_WP_ASYNC)
		return true;
	if (mode & VM_UFFD_MINOR && !shmem)
		return false;
	return vma_is_anon(v) || shmem;
}

/* Checks whether all areas of the range may be watched. mmap_lock is held. 0 or -errno. */
static int check_areas(struct uffd *u, u64 start, u64 end, u64 mode)
{
	struct vm_area *v = find_vma(u->mm, start);

	if (!v || v->vm_start >= end)
		return -EINVAL;
	for (; v && v->vm_start < end; v = vma_next(v)) {
		if (!watchable(u, v, mode))
			return -EINVAL;
		if (!(v->vm_flags & VM_MAYWRITE))
			return -EPERM;
		if (v->vm_uffd && v->vm_uffd != u)
			return -EBUSY;
	}
	return 0;
}

static u64 vm_mode(u64 mode)
{
	return (mode & UFFDIO_REGISTER_MODE_MISSING ? VM_UFFD_MISSING : 0) |
	       (mode & UFFDIO_REGISTER_MODE_WP ? VM_UFFD_WP : 0) |
	       (mode & UFFDIO_REGISTER_MODE_MINOR ? VM_UFFD_MINOR : 0);
}

static int split(struct mm *mm, u64 start, u64 end)
{
	if (mm->map_count + 2 > sysctl_max_map_count)
		return -ENOMEM;
	return vma_split_range(mm, start, end);
}

/*
 * Marks pages that were mapped ahead as touched. It is unknown whether a page of zeros was touched,
 * and a handler that protects pages must be notified of writes to all touched pages. A superfluous
 * notification is harmless.
 */
static void claim_made_ahead(struct vm_area *v)
{
	struct mm *mm = v->vm_mm;
	u64 va = v->vm_start;

	while (va < v->vm_end) {
		pte_t *e;

		spin_lock(&mm->page_table_lock);
		e = pmap_next(&mm->pmap, &va, v->vm_end);
		if (e && !(*e & PTE_SPECIAL))
			*e &= ~PTE_RESERVED;
		spin_unlock(&mm->page_table_lock);
		if (!e)
			break;
		va += PAGE_SIZE;
	}
}

/*
 * Lets @u watch the areas of the range. @mode: VM_UFFD_*. mmap_lock is held for writing. 0 or
 * -errno.
 */
static int watch(struct uffd *u, u64 start, u64 end, u64 mode)
{
	struct mm *mm = u->mm;
	int err = check_areas(u, start, end, mode);

	if (!err)
		err = split(mm, start, end);
	if (err)
		return err;
	/*
	 * an entry of a swap slot has no place for PTE_UFFD_WP: read the pages in; mmap_lock keeps
	 * them from being swapped out again
	 */
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v))
		if (vma_is_anon(v))
			err = err ? err : swap_in_range(v, v->vm_start, v->vm_end, -1);
	if (err)
		return err;
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v)) {
		v->vm_uffd = u;
		v->vm_flags = (v->vm_flags & ~VM_UFFD_ALL) | mode;
		if (!vma_is_anon(v))
			continue;
		if (mode & VM_UFFD_MISSING || u->features & UFFD_FEATURE_WP_UNPOPULATED)
			zap_untouched(v, v->vm_start, v->vm_end);
		else
			claim_made_ahead(v);
	}
	vma_merge_range(mm, start, end);
	return 0;
}

void uffd_forget_protection(struct vm_area *v, u64 start, u64 end)
{
	uffd_protect_entries(v, start, end, PROTECT_OFF); /* cannot fail: needs no tables */
	pmap_settle(&v->vm_mm->pmap);
}

static void unwatch_area(struct vm_area *v)
{
	if (v->vm_flags & VM_UFFD_WP)
		uffd_forget_protection(v, v->vm_start, v->vm_end);
	v->vm_flags &= ~VM_UFFD_ALL;
	v->vm_uffd = NULL;
}

static bool any_huge(struct mm *mm, u64 start, u64 end)
{
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v))
		if (v->vm_flags & VM_HUGETLB)
			return true;
	return false;
}

/* Returns the ioctls that are possible on all areas of a registered range. */
static u64 range_ioctls(u64 mode, bool huge)
{
	u64 ioctls = UFFD_RANGE_IOCTLS;

	if (!(mode & UFFDIO_REGISTER_MODE_WP))
		ioctls &= ~BIT(_UFFDIO_WRITEPROTECT);
	if (!(mode & UFFDIO_REGISTER_MODE_MINOR))
		ioctls &= ~BIT(_UFFDIO_CONTINUE);
	return huge ? ioctls & ~(BIT(_UFFDIO_ZEROPAGE) | BIT(_UFFDIO_MOVE)) : ioctls;
}

int uffd_register(struct uffd *u, u64 start, u64 len, u64 mode, u64 *ioctls)
{
	u64 all =
		UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MINOR;
	int err = uffd_check_range(start, len);
	bool huge;

	if (!mode || mode & ~all)
		return -EINVAL;
	if (err)
		return err;
	if (!atomic_inc_not_zero(&u->mm->mm_users))
		return -ENOMEM;
	down_write(&u->mm->mmap_lock);
	err = watch(u, start, start + len, vm_mode(mode));
	huge = !err && any_huge(u->mm, start, start + len);
	up_write(&u->mm->mmap_lock);
	mmput(u->mm);
	*ioctls = range_ioctls(mode, huge);
	return err;
}

/*
 * Unregisters a range. Returns 0, -ENOMEM, or -EINVAL if an area cannot be watched or another
 * descriptor watches it: the waiters of that descriptor would never be woken.
 */
static int unwatch(struct uffd *u, u64 start, u64 end)
{
	struct mm *mm = u->mm;
	struct vm_area *v = find_vma(mm, start);
	int err;

	if (!v || v->vm_start >= end)
		return -EINVAL;
	for (; v && v->vm_start < end; v = vma_next(v))
		if (!watchable(u, v, v->vm_flags & VM_UFFD_ALL) || (v->vm_uffd && v->vm_uffd != u))
			return -EINVAL;
	err = split(mm, start, end);
	if (err)
		return err;
	for (v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v))
		if (v->vm_uffd)
			unwatch_area(v);
	vma_merge_range(mm, start, end);
	return 0;
}

int uffd_unregister(struct uffd *u, u64 start, u64 len)
{
	int err = uffd_check_range(start, len);

	if (err)
		return err;
	if (!atomic_inc_not_zero(&u->mm->mm_users))
		return -ENOMEM;
	down_write(&u->mm->mmap_lock);
	err = unwatch(u, start, start + len);
	up_write(&u->mm->mmap_lock);
	mmput(u->mm);
	if (!err)
		uffd_wake_range(u, start, start + len);
	return err;
}

int uffd_wake(struct uffd *u, u64 start, u64 len)
{
	int err = uffd_check_range(start, len);

	if (!err)
		uffd_wake_range(u, start, start + len);
	return err;
}

void uffd_release(struct uffd *u)
{
	struct mm *mm = u->mm;

	spin_lock(&u->readers.lock);
	u->released = true;
	spin_unlock(&u->readers.lock);
	wake_up_all(&u->senders);
	if (atomic_inc_not_zero(&mm->mm_users)) {
		down_write(&mm->mmap_lock);
		for (struct vm_area *v = find_vma(mm, 0); v; v = vma_next(v))
			if (v->vm_uffd == u)
				unwatch_area(v);
		vma_merge_range(mm, 0, mm->task_size);
		up_write(&mm->mmap_lock);
		mmput(mm);
	}
	uffd_wake_range(u, 0, ~0UL);
	uffd_put(u);
}
