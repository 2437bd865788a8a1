/* SPDX-License-Identifier: MIT */
/*
 * fakes.c: fakes, for unit tests, of the functions that the tested sources call: memory comes from
 * the host, the log goes to standard error, locks are never contended, and a panic fails the test.
 * Most are weak: a test or the real source may define its own function.
 */
#include "kernel/lib/debug/contention.h"
#include "kernel/lib/trace.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/group/iogroup.h"
#include "kernel/mm/debug/leak.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "unit.h"

void *calloc(size_t n, size_t size);
void free(void *p);
int vdprintf(int fd, const char *fmt, va_list ap);

unsigned long fake_allocations;
long fake_fail_after = -1;

unsigned int fake_random(void)
{
	static u64 state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 16;
}

/* Returns zeroed memory, or NULL once fake_fail_after allocations have been made. */
static void *allocate(size_t n)
{
	void *p;

	if (!fake_fail_after)
		return NULL;
	if (fake_fail_after > 0)
		fake_fail_after--;
	p = calloc(1, n ? n : 1);
	if (p)
		fake_allocations++;
	return p;
}

__weak bool contention_counted;
__weak u64 contention_now(void)
{
	return 1;
}

__weak void contention_add(const char *kind, const void *ip, u64 since)
{
}

__weak void leak_callers(u64 *site)
{
	site[0] = 1;
}

__weak void *kmalloc(size_t n, gfp_t gfp)
{
	return allocate(n);
}

__weak void *kzalloc(size_t n, gfp_t gfp)
{
	return allocate(n);
}

__weak void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return allocate(n * size);
}

__weak void kfree(const void *p)
{
	if (p)
		fake_allocations--;
	free((void *)p);
}

struct kmem_cache {
	size_t size;
};

__weak struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *c = calloc(1, sizeof(*c));

	c->size = size;
	return c;
}

__weak void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	return allocate(c->size);
}

__weak void *kmem_cache_zalloc(struct kmem_cache *c, gfp_t gfp)
{
	return allocate(c->size);
}

__weak void kmem_cache_free(struct kmem_cache *c, void *p)
{
	kfree(p);
}

__weak int printk(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vdprintf(2, fmt[0] == '\001' ? fmt + 2 : fmt, ap);
	va_end(ap);
	return n;
}

__weak void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(2, fmt, ap);
	va_end(ap);
	_fail("panic", 0);
	__builtin_unreachable();
}

__weak void spin_lock_setup(spinlock_t *l, const char *name)
{
	l->word = 0;
}

__weak void spin_lock(spinlock_t *l)
{
	if (l->word)
		panic("spin_lock: held already");
	l->word = 1;
}

__weak void spin_lock_raw(spinlock_t *l)
{
	spin_lock(l);
}

__weak void spin_unlock_raw(spinlock_t *l)
{
	spin_unlock(l);
}

__weak bool spin_trylock(spinlock_t *l)
{
	if (l->word)
		return false;
	l->word = 1;
	return true;
}

__weak void spin_unlock(spinlock_t *l)
{
	if (!l->word)
		panic("spin_unlock: not held");
	l->word = 0;
}

__weak void spin_lock_two(spinlock_t *a, spinlock_t *b)
{
	spin_lock(a);
	if (a != b)
		spin_lock(b);
}

__weak void spin_unlock_two(spinlock_t *a, spinlock_t *b)
{
	spin_unlock(a);
	if (a != b)
		spin_unlock(b);
}

__weak void assert_spin_held(const spinlock_t *l)
{
	if (!l->word)
		panic("a lock is not held");
}

/* ---- sched: one task that never waits ---- */

static struct task unit_task;
__weak struct task *unit_current = &unit_task;
__weak int nr_cpus = 1;

__weak int smp_processor_id(void)
{
	return 0;
}

__weak void cond_resched(void)
{
}

__weak void yield(void)
{
}

__weak bool io_wait_begin(void)
{
	return false;
}

__weak void io_wait_end(bool outer)
{
}

__weak void schedule(void)
{
	panic("schedule: nobody would wake us");
}

__weak int schedule_deadline(u64 deadline)
{
	return 0;
}

__weak bool wait_interrupted(u32 state)
{
	return false;
}

__weak int spin_depth(void)
{
	return 0;
}

#ifdef CONFIG_DEBUG
__weak const void *lockdep_atomic_begin(const void *func)
{
	return NULL;
}

__weak void lockdep_atomic_end(const void *outer)
{
}

__weak void lockdep_acquire(const void *lock, const char *name, bool spin, bool try, const void *ip)
{
}

__weak void lockdep_release(const void *lock)
{
}

__weak void might_sleep(void)
{
}
#endif

__weak void wait_queue_setup(struct wait_queue_head *q, const char *name)
{
	q->head.next = q->head.prev = &q->head;
}

__weak void init_wait_entry(struct wait_queue_entry *e)
{
}

__weak void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state)
{
}

__weak void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *e)
{
}

__weak void wake_up_common(struct wait_queue_head *q, u32 states, int nr, u64 key)
{
}

__weak void mutex_setup(struct mutex *m, const char *name)
{
	m->owner = NULL;
}

__weak void mutex_lock(struct mutex *m)
{
	if (m->owner)
		panic("mutex_lock: held already");
	m->owner = &unit_task;
}

__weak bool mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	m->owner = &unit_task;
	return true;
}

__weak void mutex_unlock(struct mutex *m)
{
	if (!m->owner)
		panic("mutex_unlock: not held");
	m->owner = NULL;
}

__weak void rwsem_setup(struct rwsem *s, const char *name)
{
	s->count = 0;
}

__weak void down_read(struct rwsem *s)
{
	if (s->count < 0)
		panic("down_read: written");
	s->count++;
}

__weak int down_read_killable(struct rwsem *s)
{
	down_read(s);
	return 0;
}

__weak void up_read(struct rwsem *s)
{
	if (s->count-- <= 0)
		panic("up_read: not read");
}

__weak void down_write(struct rwsem *s)
{
	if (s->count)
		panic("down_write: held");
	s->count = -1;
}

__weak int down_write_killable(struct rwsem *s)
{
	down_write(s);
	return 0;
}

__weak bool down_write_trylock(struct rwsem *s)
{
	if (s->count)
		return false;
	s->count = -1;
	return true;
}

__weak void up_write(struct rwsem *s)
{
	if (s->count != -1)
		panic("up_write: not written");
	s->count = 0;
}

__weak void downgrade_write(struct rwsem *s)
{
	up_write(s);
	down_read(s);
}

__weak void assert_rwsem_held_write(const struct rwsem *s)
{
	if (s->count != -1)
		panic("an rwsem is not held for writing");
}

/* ---- no call site is patched ---- */

__weak void arch_patch_forget(struct mm *mm, u64 start, u64 end)
{
}

__weak int arch_ldt_fork(struct mm *new, struct mm *old)
{
	return 0;
}

__weak void arch_ldt_free(struct mm *mm)
{
}

__weak int arch_patch_fork(struct mm *new, struct mm *old)
{
	return 0;
}

__weak void arch_patch_free(struct mm *mm)
{
}

__weak u64 arch_cpu_clock(void)
{
	return 0;
}

/* ---- no control groups ---- */

__weak int mem_charge(struct page *p, u32 n, gfp_t gfp)
{
	return 0;
}
__weak void mem_uncharge(struct page *p)
{
}
__weak void mem_count_paid(const struct page *p, enum mem_stat what, s64 n)
{
}
__weak bool mem_swap_charge(struct mem_group *g, struct mem_group **full)
{
	return true;
}
__weak void mem_swap_uncharge(struct mem_group *g)
{
}
__weak u32 io_nr_limits;
__weak void io_account(dev_t dev, u32 kind, u64 bytes, const struct page *page)
{
}
__weak void io_charge_dirty(dev_t dev)
{
}
__weak void io_wait_until_paid(void)
{
}
__weak bool psi_memstall_enter(void)
{
	return false;
}
__weak void psi_memstall_leave(bool entered)
{
}
__weak void mem_count_cached(struct page *p, bool memory_only, s64 n)
{
}
__weak void group_load_add(struct task *t, s64 weight)
{
}
__weak u64 group_share(const struct task *t)
{
	return 1;
}
__weak void group_charge(struct task *t, u64 ns, u64 now)
{
}

/* ---- no packet filter ---- */

struct nf_conn;
__weak void nf_conn_get(struct nf_conn *ct)
{
}
__weak void nf_conn_put(struct nf_conn *ct)
{
}

/* ---- no huge pages ---- */

struct hugetlb_numbers;
struct fault_info;
__weak struct file *hugetlb_file_setup(const char *name, loff_t size, bool promise)
{
	return ERR_PTR(-ENOMEM);
}
__weak void hugetlb_numbers(struct hugetlb_numbers *n)
{
	memset(n, 0, 5 * sizeof(u64));
}
__weak void huge_frame_free(struct page *p)
{
	panic("frame %p of a huge page", (void *)p);
}
__weak int hugetlb_fault(struct vm_area *v, u64 addr, u32 flags, struct fault_info *info)
{
	return -ENXIO;
}
__weak int hugetlb_write_fault(struct vm_area *v, u64 addr, struct fault_info *info)
{
	return -ENXIO;
}
__weak bool large_block_backs(pfn_t pfn)
{
	return false;
}
struct seq;
__weak int flowlabel_show(struct seq *s, void *arg)
{
	return 0;
}
__weak void uffd_forget_protection(struct vm_area *v, u64 start, u64 end)
{
}
__weak bool ksm_is_zero(const struct page *p)
{
	return 0;
}
__weak bool ksm_watches(const struct vm_area *v)
{
	return 0;
}
__weak bool mem_group_is_limited(const struct mem_group *g)
{
	return 0;
}
__weak void mem_group_pay_on_the_way(void)
{
}
__weak void pmap_note_touched_locked(struct pmap *pm, u64 start, u64 end)
{
}
__weak bool pmap_reports_touched(void)
{
	return 0;
}
__weak bool userfault_let_go(struct vm_area *v, u64 addr, pte_t e)
{
	return 0;
}
__weak int hugetlb_cow(struct vm_area *v, u64 addr, pte_t e, struct fault_info *info)
{
	return -ENXIO;
}
__weak int hugetlb_fork(struct vm_area *v, struct vm_area *from, bool *protect)
{
	return -ENOMEM;
}
__weak void huge_promise_moved(struct mm *mm, u64 addr, u64 len)
{
}

/* KSM merges nothing. */
__weak void ksm_note(struct mm *mm)
{
}
__weak void ksm_mm_gone(struct mm *mm)
{
}
__weak void droppable_note(struct mm *mm)
{
}
__weak void droppable_mm_gone(struct mm *mm)
{
}

/* No debugger has breakpoints in guests. */
u32 user_breaks_on;
__weak void user_breaks_mm_gone(const struct mm *mm)
{
}
__weak void user_breaks_fork(struct mm *new, struct mm *old)
{
}

/* Tracepoints are off. */
u64 trace_points;
void trace_print(const char *name, const char *fmt, ...)
{
}

#ifdef CONFIG_DEBUG
bool alloc_should_fail(gfp_t gfp)
{
	return false;
}
#endif
