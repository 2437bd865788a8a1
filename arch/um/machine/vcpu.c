/* SPDX-License-Identifier: MIT */
/*
 * vcpu.c: vCPUs, their idle tasks, and kernel stacks.
 *
 * A vCPU is a host thread. It enters the kernel world once, on its idle task's stack, and from then
 * on changes stacks with arch_switch(). Doors use the host stack that it came from: the pointer to
 * it is in the head of the kernel stack on which the vCPU runs (arch_switch() copies it).
 *
 *	vcpu_boot_init()     vCPU 0's idle task is current, on the boot stack (in bss, since nothing
 *	                     is mapped yet)
 *	vcpu_init_stacks()   the window of stacks can be used
 *	vcpu_start_all()     idle tasks and host threads of the other vCPUs
 *	vcpu_idle_loop()     where every vCPU ends up
 *
 * Invariants:
 * 1. The head of a running stack names its task and the host stack of the vCPU that runs it.
 * 2. A block in the pool is mapped; its guard half never is.
 *
 * Locks: pool_lock (the free list and the count of blocks ever made).
 */
#include <asm/errno.h>
#include "arch/um/internal.h"
#include "arch/um/machine/ports.h"
#include "arch/um/machine/timetravel.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "skas/skas.h"

#define KSTACK_MAGIC 0x6b63617473746f6fUL
#define MAX_STACKS (KSTACK_WINDOW / KSTACK_ALIGN)

int nr_cpus;
u8 boot_area[BOOT_AREA_SIZE] __aligned(PAGE_SIZE);

struct free_stack {
	struct free_stack *next;
};
static DEFINE_SPINLOCK(pool_lock);
/* list through the heads of free blocks */
static struct free_stack *pool;
static u64 nr_stacks;
/* blocks that are mapped; bits are never cleared */
static u64 stack_bits[MAX_STACKS / 64];
static struct kmem_cache *fpu_cache;

static int set_ncpus(const char *value)
{
	u64 n;

	if (kstrtou64(value, 10, &n) || !n || n > MAX_CPUS)
		refuse("ncpus=%s: not a number from 1 to %d", value, MAX_CPUS);
	nr_cpus = (int)n;
	return 0;
}
PARAM("ncpus=", set_ncpus, "N: virtual CPUs (as many as the process may use, at most 8)");

void vcpu_choose_number(void)
{
	if (!nr_cpus)
		nr_cpus = min(os_ncpus(), 8);
}

int smp_processor_id(void)
{
	return current->cpu;
}

void vcpu_boot_init(void)
{
	struct kstack_head *head = kstack_head_of(boot_stack());

	head->task = &init_task_storage;
	head->magic = KSTACK_MAGIC;
	init_task_storage.arch.kstack = boot_stack();
}

/* ---- kernel stacks ---- */

void vcpu_init_stacks(void)
{
	int err = os_mem_map((void *)KSTACK_BASE, KSTACK_WINDOW, 0, -1, 0, 0);

	if (err)
		refuse("no kernel stacks: %s", os_why(err));
	os_mem_protect(boot_stack(), KSTACK_SIZE, 0);
}

static void *make_block(void)
{
	void *block;
	u64 i;
	int err;

	spin_lock(&pool_lock);
	i = nr_stacks;
	nr_stacks += i < MAX_STACKS;
	spin_unlock(&pool_lock);
	if (i == MAX_STACKS)
		return NULL;
	block = (void *)(KSTACK_BASE + i * KSTACK_ALIGN);
	err = arena_map_stack((u8 *)block + KSTACK_SIZE, i);
	if (!err)
		set_bit(i % 64, &stack_bits[i / 64]);
	return err ? NULL : block;
}

void *kstack_alloc(void)
{
	struct free_stack *f;
	void *block = NULL;

	spin_lock(&pool_lock);
	f = pool;
	if (f) {
		pool = f->next;
		block = (void *)((u64)f & ~(u64)(KSTACK_ALIGN - 1));
	}
	spin_unlock(&pool_lock);
	if (!block)
		block = make_block();
	if (block)
		*kstack_head_of(block) = (struct kstack_head){ .magic = KSTACK_MAGIC };
	return block;
}

void kstack_free(void *block)
{
	struct free_stack *f = (struct free_stack *)kstack_head_of(block);

	spin_lock(&pool_lock);
	kstack_head_of(block)->magic = 0;
	f->next = pool;
	pool = f;
	spin_unlock(&pool_lock);
}

int arch_kstack_live(u64 i, u64 *sp, u64 *end)
{
	u8 *block = i ? (u8 *)KSTACK_BASE + (i - 1) * KSTACK_ALIGN : boot_stack();
	const struct kstack_head *head = kstack_head_of(block);
	const struct task *t;
	u64 saved;
	bool there;

	*sp = *end = (u64)block + KSTACK_ALIGN;
	spin_lock(&pool_lock);
	if (i > nr_stacks) {
		spin_unlock(&pool_lock);
		return -ENOENT;
	}
	there = !i || test_bit((i - 1) % 64, &stack_bits[(i - 1) / 64]);
	t = there && head->magic == KSTACK_MAGIC ? head->task : NULL;
	saved = t ? READ_ONCE(t->arch.ksp) : 0;
	if (t == current)
		*sp = (u64)__builtin_frame_address(0);
	else if (t && t->on_cpu)
		*sp = (u64)(head + 1);
	else if (saved > (u64)head && saved < *end) /* no saved stack: a task being made */
		*sp = saved;
	spin_unlock(&pool_lock);
	return 0;
}

/* ---- saving a state ---- */

u32 stacks_max(void)
{
	return 1 + (u32)READ_ONCE(nr_stacks);
}

/* Describes the reserved window, then the mapped stacks in it. */
u32 stacks_describe(struct os_state_map *maps)
{
	u32 n = 0;

	maps[n++] = (struct os_state_map){ .addr = KSTACK_BASE, .len = KSTACK_WINDOW, .file = -1 };
	for (u64 i = 0; i < nr_stacks; i++)
		if (test_bit(i % 64, &stack_bits[i / 64]))
			maps[n++] = (struct os_state_map){ .addr = KSTACK_BASE + i * KSTACK_ALIGN +
								   KSTACK_SIZE,
				.len = KSTACK_SIZE,
				.file = 1,
				.off = arena_stack_offset(i) };
	return n;
}

void stacks_restored(void)
{
	os_mem_protect(boot_stack(), KSTACK_SIZE, 0);
}

int stacks_each_task(int (*fn)(struct task *t))
{
	int err = fn(&init_task_storage);

	for (u64 i = 0; i < nr_stacks && !err; i++) {
		const struct kstack_head *head =
			kstack_head_of((u8 *)KSTACK_BASE + i * KSTACK_ALIGN);

		if (test_bit(i % 64, &stack_bits[i / 64]) && head->magic == KSTACK_MAGIC &&
			head->task)
			err = fn(head->task);
	}
	return err;
}

/* ---- a task's machine state ---- */

/* Makes the cache. Called once the size of the FPU state is known. */
static void fpu_cache_init(void)
{
	fpu_cache = kmem_cache_create("fpu", round_up(xstate_size, 64), 64);
	if (!fpu_cache)
		panic("no memory for the cache of FPU states");
}

int arch_task_alloc(struct task *t)
{
	void *block = kstack_alloc();

	if (!block)
		return -ENOMEM;
	if (fpu_cache) {
		t->arch.fpu.area = kmem_cache_alloc(fpu_cache, GFP_KERNEL);
		if (!t->arch.fpu.area)
			goto err_free_stack;
		skas_fpu_init(&t->arch.fpu);
	}
	kstack_head_of(block)->task = t;
	t->arch.kstack = block;
	return 0;
err_free_stack:
	kstack_free(block);
	return -ENOMEM;
}

void arch_task_free(struct task *t)
{
	if (t->arch.fpu.area) {
		skas_fpu_drop(&t->arch.fpu);
		kmem_cache_free(fpu_cache, t->arch.fpu.area);
	}
	ioport_free(t);
	kstack_free(t->arch.kstack);
	t->arch.fpu.area = NULL;
	t->arch.kstack = NULL;
}

/* the registers that switch_stack() pops, then its return address */
struct first_frame {
	u64 r15, r14, r13, r12, rbx, rbp, rip;
};

void arch_task_start(struct task *t, void (*fn)(void *), void *arg)
{
	u64 top = (u64)t->arch.kstack + KSTACK_ALIGN - 16;
	struct first_frame *f = (struct first_frame *)(top - sizeof(*f));

	*f = (struct first_frame){ .r12 = (u64)arg, .rbx = (u64)fn, .rip = (u64)task_first };
	t->arch.ksp = (u64)f;
}

static void fork_return(void *unused)
{
	arch_entry.return_to_user();
}

int arch_task_fork(struct task *child)
{
	struct task *t = current;

	child->arch.regs = t->arch.regs;
	child->arch.regs.rax = 0;
	child->arch.regs.ring = 0;
	child->arch.answers_at = 0;
	child->arch.trapno = child->arch.error = child->arch.cr2 = 0;
	child->arch.vdso_frames = t->arch.vdso_frames; /* the child's stack may be a copy */
	skas_fpu_save_in_call(&t->arch.fpu, (u32)t->arch.regs.orig_rax);
	memcpy(child->arch.fpu.area, t->arch.fpu.area, xstate_size);
	child->arch.fpu.runner = NULL;
	ioport_fork(child);
	arch_task_start(child, fork_return, NULL);
	return 0;
}

void arch_exec_regs(u64 entry, u64 sp)
{
	struct arch_task *a = &current->arch;

	a->regs = (struct regs){ .rip = entry,
		.rsp = sp,
		.cs = USER_CS,
		.ss = USER_SS,
		.eflags = 0x202,
		.rax = a->regs.rax,
		/* lets a tracer see the call's number */
		.orig_rax = a->regs.orig_rax };
	a->trapno = a->error = a->cr2 = 0;
	a->vdso_frames = 0;
	a->answers_at = 0;
	skas_fpu_drop(&a->fpu);
	skas_fpu_init(&a->fpu);
}

void arch_fpu_sync(struct task *t)
{
	skas_fpu_save(&t->arch.fpu);
}

struct task *arch_switch(struct task *prev, struct task *next)
{
	kstack_head_of(next->arch.kstack)->host_sp = kstack_head_of(prev->arch.kstack)->host_sp;
	return switch_stack(&prev->arch.ksp, next->arch.ksp, prev);
}

/* ---- vCPUs ---- */

void vcpu_idle_loop(void)
{
	for (;;) {
		irq_poll();
		if (need_resched()) {
			schedule();
			continue;
		}
		arch_entry.before_idle();
		sched_before_idle();
		arch_idle(timers_next());
	}
}

/* Runs a vCPU other than the first, on its idle task's stack. */
void vcpu_main(void)
{
	cpu_set_state(smp_processor_id(), OS_CPU_KERNEL);
	vcpu_idle_loop();
}

static void start_one(int cpu)
{
	struct task *idle = task_alloc();
	int err;

	if (!idle)
		panic("no memory for the idle task of vCPU %d", cpu);
	idle->flags = PF_KTHREAD | PF_IDLE;
	idle->cpu = cpu;
	snprintf(idle->comm, sizeof(idle->comm), "swapper/%d", cpu);
	sched_init_idle(idle, cpu);
	err = os_vcpu_start(cpu, vcpu_enter, idle->arch.kstack);
	if (err)
		refuse("ncpus=%d: no host thread for vCPU %d: %s", nr_cpus, cpu, os_why(err));
}

void vcpu_init(void)
{
	fpu_cache_init();
	sched_init_idle(&init_task_storage, 0);
}

void vcpu_start_all(void)
{
	for (int cpu = 1; cpu < nr_cpus; cpu++)
		start_one(cpu);
}

void arch_cpu_waited_for_disk(int cpu, u64 ns)
{
	if (!time_frozen)
		skas_waited_for_disk(cpu, ns);
}

u64 arch_cpu_stolen(int cpu)
{
	return time_frozen ? 0 : skas_stolen(cpu);
}

bool arch_tasks_share(int cpu, int to)
{
	return !time_frozen && skas_shares(cpu, to);
}
