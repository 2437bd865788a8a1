/* SPDX-License-Identifier: MIT */
/*
 * mm.c: makes and ends address spaces.
 *
 *	mm = mm_alloc();  mmget(mm); mmput(mm);      users: the last mmput() unmaps everything
 *	mmgrab(mm); mmdrop(mm);                       references to the struct alone
 *
 * At the end the space (the host process of the mm) is dropped first, with all host mappings at
 * once. Then entries and frames are freed, and nothing is left to unmap on the host.
 *
 * Lock: mm_list_lock for the list of all mms.
 */
#include "kernel/mm/debug/userbreak.h"
#include "kernel/mm/fault/fault.h"

#define ADDR_NO_RANDOMIZE 0x0040000
#define GAP_MIN (128UL << 20)
#define STACK_RANDOM (16UL << 30)
#define MMAP_RANDOM_BITS 28

static struct kmem_cache *mm_cache;
const struct mm_aio_ops *mm_aio_ops;
spinlock_t mm_list_lock = SPINLOCK_INIT(mm_list_lock);
struct list_head mm_list = LIST_HEAD_INIT(mm_list);

/*
 * Chooses the address below which mappings are placed: room for the stack and a random distance
 * remain above it.
 */
static u64 choose_mmap_base(u64 task_size)
{
	u64 gap = clamp(mmap_limit(RLIMIT_STACK), GAP_MIN, task_size / 6 * 5);
	u64 rnd = 0;

	gap += STACK_GUARD_GAP;
	if (!(current->personality & ADDR_NO_RANDOMIZE)) {
		arch_random(&rnd, sizeof(rnd));
		rnd &= BIT(MMAP_RANDOM_BITS) - 1;
		gap += STACK_RANDOM;
	}
	rnd = min(rnd << PAGE_SHIFT, task_size / 8);
	if (gap + rnd > task_size / 6 * 5)
		gap = task_size / 6 * 5 - rnd;
	return PAGE_ALIGN(task_size - gap - rnd);
}

/* Makes an mm with one user that is in no list yet. May sleep. NULL: no memory. */
static struct mm *mm_new(void)
{
	struct mm *mm = kmem_cache_zalloc(mm_cache, GFP_KERNEL);

	if (!mm)
		return NULL;
	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, 1);
	init_rwsem(&mm->mmap_lock);
	spin_lock_init(&mm->page_table_lock);
	INIT_LIST_HEAD(&mm->mmap_list);
	INIT_LIST_HEAD(&mm->uffd_events);
	INIT_LIST_HEAD(&mm->droppable);
	INIT_LIST_HEAD(&mm->aio_contexts);
	mm->dumpable = true;
	mm->dump_mode = 1;
	mm->coredump_filter = 0x33;
	mm->eager = EAGER_START;
	if (pmap_init(&mm->pmap)) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	return mm;
}

static void mm_publish(struct mm *mm)
{
	spin_lock(&mm_list_lock);
	list_add_tail(&mm->mm_list, &mm_list);
	spin_unlock(&mm_list_lock);
}

struct mm *mm_alloc(void)
{
	struct mm *mm = mm_new();

	if (!mm)
		return NULL;
	mm->task_size = arch_task_size();
	mm->mmap_base = choose_mmap_base(mm->task_size);
	if (mm_task_ops)
		mm->user_ns = mm_task_ops->ns_get(NULL);
	mm_publish(mm);
	return mm;
}

/* Makes an mm for fork with the fields that a copy inherits, and no areas. */
struct mm *mm_alloc_like(struct mm *old)
{
	struct mm *mm = mm_new();

	if (!mm)
		return NULL;
	mm->task_size = old->task_size;
	mm->mmap_base = old->mmap_base;
	if (old->user_ns)
		mm->user_ns = mm_task_ops->ns_get(old->user_ns);
	mm->start_code = old->start_code;
	mm->end_code = old->end_code;
	mm->start_data = old->start_data;
	mm->end_data = old->end_data;
	mm->start_brk = old->start_brk;
	mm->brk = old->brk;
	mm->start_stack = old->start_stack;
	mm->arg_start = old->arg_start;
	mm->arg_end = old->arg_end;
	mm->env_start = old->env_start;
	mm->env_end = old->env_end;
	mm->dumpable = old->dumpable;
	mm->dump_mode = old->dump_mode;
	mm->thp_disabled = old->thp_disabled;
	mm->mdwe = mdwe_inherited(old->mdwe);
	mm->coredump_filter = old->coredump_filter;
	mm->vdso_base = old->vdso_base;
	mm->membarrier = READ_ONCE(old->membarrier);
	mm->nr_auxv = old->nr_auxv;
	memcpy(mm->auxv, old->auxv, sizeof(mm->auxv));
	mm->exe_file = old->exe_file;
	if (mm->exe_file)
		mm_file_ops->get(mm->exe_file);
	if (old->mergeable)
		ksm_note(mm);
	mm->merge_all = old->merge_all;
	if (!list_empty(&old->droppable))
		droppable_note(mm);
	mm_publish(mm);
	return mm;
}

void mmget(struct mm *mm)
{
	atomic_inc(&mm->mm_users);
}

void mmgrab(struct mm *mm)
{
	atomic_inc(&mm->mm_count);
}

void mmdrop(struct mm *mm)
{
	if (!atomic_dec_and_test(&mm->mm_count))
		return;
	pmap_destroy(&mm->pmap);
	kmem_cache_free(mm_cache, mm);
}

static void exit_mmap(struct mm *mm)
{
	down_write(&mm->mmap_lock);
	unmap_range(mm, 0, mm->task_size);
	up_write(&mm->mmap_lock);
	arch_patch_free(mm);
	arch_ldt_free(mm);
}

void mmput(struct mm *mm)
{
	if (!atomic_dec_and_test(&mm->mm_users))
		return;
	/* an mm with a space must be on the list: saving the machine has to find all spaces */
	pmap_put_space(&mm->pmap);
	spin_lock(&mm_list_lock);
	list_del(&mm->mm_list);
	spin_unlock(&mm_list_lock);
	ksm_mm_gone(mm);
	droppable_mm_gone(mm);
	if (!list_empty(&mm->aio_contexts))
		mm_aio_ops->exit(mm);
	if (unlikely(user_breaks_on))
		user_breaks_mm_gone(mm);
	exit_mmap(mm);
	if (mm->exe_file)
		mm_file_ops->put(mm->exe_file);
	mm->exe_file = NULL;
	if (mm->user_ns)
		mm_task_ops->ns_put(mm->user_ns);
	mm->user_ns = NULL;
	mmdrop(mm);
}

/*
 * Returns the next mm of the list and moves it to the list's end. The caller drops the reference by
 * mmdrop(). The reference is to the struct only: reclaim holds locks, so it must not do the last
 * mmput(), which waits for asynchronous I/O and for locks of files.
 */
struct mm *next_mm(void)
{
	struct mm *mm = NULL;

	spin_lock(&mm_list_lock);
	if (!list_empty(&mm_list)) {
		mm = list_first_entry(&mm_list, struct mm, mm_list);
		list_move_tail(&mm->mm_list, &mm_list);
		mmgrab(mm);
	}
	spin_unlock(&mm_list_lock);
	return mm;
}

int mm_each_stopped(int (*fn)(struct mm *mm))
{
	struct mm *mm;
	int err = 0;

	list_for_each_entry(mm, &mm_list, mm_list)
		if (!err)
			err = fn(mm);
	return err;
}

u32 count_mms(void)
{
	struct list_head *p;
	u32 n = 0;

	spin_lock(&mm_list_lock);
	list_for_each(p, &mm_list)
		n++;
	spin_unlock(&mm_list_lock);
	return n;
}

/*
 * Takes an idle space from an mm. It searches the list in rotation, so that all mms give up spaces
 * in turn.
 */
bool mm_take_idle_space(void)
{
	bool taken = false;

	for (u32 n = count_mms(); n && !taken; n--) {
		struct mm *mm = next_mm();

		if (!mm)
			break;
		taken = pmap_take_space(&mm->pmap);
		mmdrop(mm);
	}
	return taken;
}

int mm_cache_init(void)
{
	mm_cache = kmem_cache_create("mm_struct", sizeof(struct mm), 64);
	return mm_cache ? 0 : -ENOMEM;
}
INITCALL(1, mm_cache_init);
