/* SPDX-License-Identifier: MIT */
/* fakes.c: minimal mm, skas and task for scheduler.c. */
#include "arch/um/entry/internal.h"
#include "arch/um/entry/scarce.h"
#include "arch/um/machine/ports.h"
#include "arch/um/machine/timetravel.h"
#include "arch/um/vdso/vdso.h"
#include "arch/um/entry/watch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/internal.h"
#include "kernel/task/process.h"
#include "skas/skas.h"
#include "tests/sched/fakes.h"

/* ---- mm: blocks of 64 bytes, lists of freed blocks by size ---- */

struct block {
	u64 size;
	struct block *next;
};
static u64 next_free, end_free;
static struct block *freed[1024];
static DEFINE_SPINLOCK(alloc_lock);
s64 allocated;

void mm_init_frames(pfn_t first, pfn_t end, pfn_t limit)
{
	next_free = KERNEL_MAP_BASE + first * PAGE_SIZE;
	end_free = KERNEL_MAP_BASE + end * PAGE_SIZE;
}

void *kmalloc(size_t n, gfp_t gfp)
{
	u64 blocks = n / 64 + 2;
	struct block *b;

	if (blocks >= ARRAY_SIZE(freed))
		return NULL;
	spin_lock(&alloc_lock);
	allocated++;
	b = freed[blocks];
	if (b) {
		freed[blocks] = b->next;
	} else {
		b = (struct block *)next_free;
		next_free += blocks * 64;
	}
	spin_unlock(&alloc_lock);
	if (next_free > end_free)
		panic("the test's memory is out");
	b->size = blocks;
	return (char *)b + 64;
}

void *kzalloc(size_t n, gfp_t gfp)
{
	return memset(kmalloc(n, gfp), 0, n);
}

void kfree(const void *p)
{
	struct block *b = (struct block *)((char *)p - 64);

	if (!p)
		return;
	memset((void *)p, 0x5a, b->size * 64 - 64);
	spin_lock(&alloc_lock);
	allocated--;
	b->next = freed[b->size];
	freed[b->size] = b;
	spin_unlock(&alloc_lock);
}

struct kmem_cache {
	size_t size;
};
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *c = kmalloc(sizeof(*c), 0);

	c->size = size;
	return c;
}
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	return kmalloc(c->size, gfp);
}
void kmem_cache_free(struct kmem_cache *c, void *p)
{
	kfree(p);
}

/* ---- skas, vdso, task ---- */

u32 xstate_size = 576;

bool tsc_wants_traps(void)
{
	return false;
}

void tsc_init(void)
{
}

void watch_init(void)
{
}

int skas_init(const struct skas_config *cfg, const char **why)
{
	return 0;
}
const char *skas_mode_name(void)
{
	return "none";
}
bool steal_half;
static u64 steal_asked[MAX_CPUS];
bool share_idle;
bool skas_shares(int cpu, int to)
{
	return READ_ONCE(share_idle) && (to < 0 || READ_ONCE(idle_mask) & BIT(to));
}

int skas_rests(int cpu)
{
	return -1;
}

void skas_waited_for_disk(int cpu, u64 ns)
{
}

u64 skas_stolen(int cpu)
{
	u64 now = ktime_get(), since = now - steal_asked[cpu];

	steal_asked[cpu] = now;
	return READ_ONCE(steal_half) ? since / 2 : 0;
}
u64 skas_base(void)
{
	return 0;
}
u64 skas_xfeatures(void)
{
	return 0;
}
bool skas_tsc_traps(void)
{
	return false;
}
void vdso_restored(void)
{
}
u64 skas_task_size(void)
{
	return 0;
}
void ioport_fork(struct task *child)
{
}

void ioport_free(struct task *t)
{
}

u64 skas_patch_entry(void)
{
	return 0;
}
int skas_format_stats(char *buf, size_t size)
{
	return 0;
}
void skas_fpu_init(struct fpu *fpu)
{
}
void skas_fpu_drop(struct fpu *fpu)
{
}
void skas_fpu_save(struct fpu *fpu)
{
}
void skas_fpu_save_in_call(struct fpu *fpu, u32 nr)
{
}
void skas_exit(void)
{
}
void vdso_init(void)
{
}
static void nothing(void)
{
}
static void __noreturn no_guests(void)
{
	panic("there are no guests");
}
const struct arch_entry_ops arch_entry = {
	.return_to_user = no_guests,
	.clock_skipped = nothing,
	.clock_changed = nothing,
	.before_idle = nothing,
};
bool host_is_scarce(void)
{
	return false;
}
void kernel_power_off(void)
{
	arch_power_off(0);
}
void end_instance(int value)
{
}
static void init_idle(struct task *t)
{
}
static int init_kthread(struct task *t)
{
	return 0;
}
static void free_hook(struct task *t)
{
}
static void __noreturn kthread_exit(int code)
{
	sched_dead();
}
const struct task_hooks task_hooks = {
	.init_idle = init_idle,
	.init_kthread = init_kthread,
	.kthread_exit = kthread_exit,
	.free = free_hook,
};
void physmem_set_pieces(u32 n)
{
}
