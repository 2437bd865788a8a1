/* SPDX-License-Identifier: MIT */
/*
 * machine.c: tests the machine layer (arch/um, os-linux) without a kernel above it. Minimal fakes
 * replace sched, mm, task and skas: a run queue, an allocator that never frees, one timer per vCPU.
 * The word test=NAME on the command line selects the test that the first kernel thread runs;
 * tests/arch/machine builds and starts it.
 */
#include "arch/um/entry/internal.h"
#include "arch/um/entry/scarce.h"
#include "arch/um/machine/ports.h"
#include "arch/um/machine/timetravel.h"
#include "arch/um/vdso/vdso.h"
#include "arch/um/entry/watch.h"
#include "kernel/init.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"
#include "skas/skas.h"
#include "tests/arch/machine_host.h"

/* ---- mm ---- */

static u64 next_free, end_free;
static DEFINE_SPINLOCK(alloc_lock);

void mm_init_frames(pfn_t first, pfn_t end, pfn_t limit)
{
	next_free = KERNEL_MAP_BASE + first * PAGE_SIZE;
	end_free = KERNEL_MAP_BASE + end * PAGE_SIZE;
}

void *kmalloc(size_t n, gfp_t gfp)
{
	u64 p;

	spin_lock(&alloc_lock);
	p = next_free;
	next_free += round_up(n, 64);
	spin_unlock(&alloc_lock);
	return next_free > end_free ? NULL : (void *)p;
}

void kfree(const void *p)
{
}

struct kmem_cache {
	size_t size;
};
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	static struct kmem_cache c;

	c.size = size;
	return &c;
}
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	return kmalloc(c->size, gfp);
}
void kmem_cache_free(struct kmem_cache *c, void *p)
{
}

/* ---- skas, vdso, task ---- */

u32 xstate_size = 576;

void physmem_set_pieces(u32 n)
{
}
bool tsc_wants_traps(void)
{
	return false;
}

void watch_init(void)
{
}
void tsc_init(void)
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
bool skas_shares(int cpu, int to)
{
	return false;
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
	return 0;
}
u64 skas_task_size(void)
{
	return 0;
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
int skas_format_stats(char *buf, size_t size)
{
	return 0;
}
void skas_exit(void)
{
}
void vdso_init(void)
{
}
void vdso_restored(void)
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
void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
}
bool work_queue(struct work *w)
{
	w->func(w);
	return true;
}
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
	arch_early_write("ctrl-alt-del\n", 13);
	arch_power_off(0);
}

/* ---- sched: one queue, first in first out ---- */

struct task init_task_storage;
static struct task *idle_of[MAX_CPUS];
static struct task *queue[1024];
static u32 head, tail;
static u64 timer_at[MAX_CPUS];
static DEFINE_SPINLOCK(queue_lock);

void sched_before_idle(void)
{
}
void sched_idle_enter(void)
{
}
void sched_idle_exit(void)
{
}
void sched_init_idle(struct task *idle, int cpu)
{
	idle->flags |= PF_IDLE;
	idle_of[cpu] = idle;
	timer_at[cpu] = ~0UL;
}

struct task *task_alloc(void)
{
	struct task *t = kmalloc(sizeof(*t), 0);

	memset(t, 0, sizeof(*t));
	return arch_task_alloc(t) ? NULL : t;
}

static void enqueue(struct task *t)
{
	spin_lock(&queue_lock);
	queue[tail++ % ARRAY_SIZE(queue)] = t;
	spin_unlock(&queue_lock);
	for (int i = 0; i < nr_cpus; i++)
		arch_kick_cpu(i);
}

bool need_resched(void)
{
	return READ_ONCE(head) != READ_ONCE(tail);
}

void schedule_tail(struct task *prev)
{
	__atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
	if (!(prev->flags & PF_IDLE) && prev->state == TASK_RUNNING)
		enqueue(prev);
}

void schedule(void)
{
	struct task *prev = current, *next;
	int cpu = prev->cpu;

	spin_lock(&queue_lock);
	next = head != tail ? queue[head++ % ARRAY_SIZE(queue)] : NULL;
	spin_unlock(&queue_lock);
	if (!next && (prev->flags & PF_IDLE))
		return;
	if (!next && prev->state == TASK_RUNNING)
		return;
	if (!next)
		next = idle_of[cpu];
	while (__atomic_load_n(&next->on_cpu, __ATOMIC_ACQUIRE))
		cpu_relax();
	next->on_cpu = true;
	next->cpu = cpu;
	schedule_tail(arch_switch(prev, next));
}

void cond_resched(void)
{
	irq_poll();
	schedule();
}

u64 timers_next(void)
{
	return timer_at[smp_processor_id()];
}
void timers_run(u64 now)
{
	u64 *t = &timer_at[smp_processor_id()];

	if (now >= *t)
		*t = ~0UL;
}

static int (*first_fn)(void *);
static void first_start(void *fn)
{
	first_fn(NULL);
	panic("the first thread has returned");
}

struct task *kthread_run(int (*fn)(void *), void *arg, const char *name, ...)
{
	struct task *t = task_alloc();

	strscpy(t->comm, name, sizeof(t->comm));
	first_fn = fn;
	arch_task_start(t, first_start, NULL);
	enqueue(t);
	return t;
}

/* ---- tests ---- */

static const char *wanted = "";
static int set_test(const char *value)
{
	wanted = value;
	return 0;
}
PARAM("test=", set_test, NULL);

static void stderr_write(struct console *con, const char *s, size_t n)
{
	arch_early_write(s, n);
}

static void say(const char *fmt, u64 a, u64 b)
{
	char line[200];
	int n = snprintf(line, sizeof(line), fmt, a, b);

	arch_early_write(line, (size_t)n);
}

#define check(c)                                                                                   \
	do {                                                                                       \
		if (!(c))                                                                          \
			panic("check failed: %s, line %d", #c, __LINE__);                          \
	} while (0)

/* Tasks that switch to each other keep their registers and stacks on all vCPUs. */
#define NR_TASKS 50
#define ROUNDS 2000
static atomic_t finished;
static u64 cpus_seen;

static void switcher(void *arg)
{
	u64 me = (u64)arg, sum = 0;
	volatile u64 on_stack[64];

	for (u64 i = 0; i < 64; i++)
		on_stack[i] = me * 64 + i;
	for (u64 i = 0; i < ROUNDS; i++) {
		sum += me;
		cond_resched();
		set_bit(smp_processor_id(), &cpus_seen);
		check(on_stack[i % 64] == me * 64 + i % 64);
		check(current->arch.kstack == (void *)((u64)on_stack & ~(u64)(KSTACK_ALIGN - 1)));
	}
	check(sum == me * ROUNDS);
	atomic_inc(&finished);
	current->state = TASK_DEAD;
	schedule();
}

static void test_switch(void)
{
	u64 start = ktime_get();

	for (u64 i = 1; i <= NR_TASKS; i++) {
		struct task *t = task_alloc();

		arch_task_start(t, switcher, (void *)i);
		enqueue(t);
	}
	while (atomic_read(&finished) < NR_TASKS)
		cond_resched();
	say("%lu ns a switch, vCPUs seen %#lx\n", (ktime_get() - start) / (NR_TASKS * ROUNDS),
		cpus_seen);
}

/* A host thread raises a line and waits until its handler has run, @n times, while vCPUs sleep. */
static u32 irq_word;
static void answer(void *arg)
{
	__atomic_add_fetch(&irq_word, 1, __ATOMIC_SEQ_CST);
	os_futex_wake(&irq_word, 1);
}

static void test_irq(void)
{
	int irq = irq_register("ping", answer, NULL);
	u64 start = ktime_get(), n = 20000; /* a busy host delays each */

	check(!ping_start(irq, &irq_word, n));
	while (__atomic_load_n(&irq_word, __ATOMIC_SEQ_CST) < n) {
		current->state = TASK_RUNNING;
		timer_at[smp_processor_id()] = ktime_get() + 1000000000;
		irq_poll();
		if (READ_ONCE(irq_word) < n)
			arch_idle(timers_next());
		check(ktime_get() - start < 300000000000UL);
	}
	say("%lu ns an interrupt, counted %lu\n", (ktime_get() - start) / n, irq_count(irq));
	check(irq_count(irq) == n);
}

/* A file descriptor of the event set becomes ready: an idle vCPU and a busy vCPU notice it. */
static void test_event(void)
{
	int irq = irq_register("pipe", pipe_drain, NULL);

	check(!pipe_start(irq));
	for (int i = 0; i < 200; i++) {
		pipe_write();
		while (pipe_seen() <= i) {
			irq_poll();
			if (pipe_seen() > i)
				break;
			if (i % 2)
				os_event_poll(smp_processor_id());
			else
				arch_idle(ktime_get() + 1000000000);
		}
	}
	say("%lu events %lu\n", (u64)pipe_seen(), irq_count(irq));
}

/* Sleeps 20 times for 10 ms. Returns the CPU time in ns. */
static u64 idle_round(void)
{
	u64 late = 0, cpu = cpu_time_ns();

	for (int i = 0; i < 20; i++) {
		u64 t = ktime_get() + 10000000;

		while (ktime_get() < t) {
			/* a kick may have come, say to own the event set */
			irq_poll();
			arch_idle(t);
		}
		late = max(late, ktime_get() - t);
	}
	cpu = cpu_time_ns() - cpu;
	say("latest by %lu ns, %lu ns of CPU time in 200 ms\n", late, cpu);
	return cpu;
}

/*
 * Sleep uses less than a tenth of the CPU in at least one of ten rounds: what another host above
 * this one takes away may count as CPU time of this program.
 */
static void test_idle(void)
{
	int rounds = 0;

	while (idle_round() >= 20000000)
		check(++rounds < 10);
}

/*
 * The clock for CPU accounts never goes back, also from one vCPU to another and across its windows,
 * and it is as fast as the host's clock.
 */
#define CLOCK_TASKS 8
#define CLOCK_NS 400000000UL
static u64 clock_seen;

static void clock_reader(void *arg)
{
	u64 end = ktime_get() + CLOCK_NS;

	while (ktime_get() < end) {
		for (int i = 0; i < 1000; i++) {
			u64 seen = smp_load_acquire(&clock_seen), now = arch_cpu_clock();

			check(now >= seen);
			while (now > seen && !__atomic_compare_exchange_n(&clock_seen, &seen, now,
						     false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				;
		}
		set_bit(smp_processor_id(), &cpus_seen);
		cond_resched();
	}
	atomic_inc(&finished);
	current->state = TASK_DEAD;
	schedule();
}

static void test_clock(void)
{
	u64 before = ktime_get(), clock = arch_cpu_clock(), host = ktime_get(), most;

	for (u64 i = 1; i <= CLOCK_TASKS; i++) {
		struct task *t = task_alloc();

		arch_task_start(t, clock_reader, (void *)i);
		enqueue(t);
	}
	while (atomic_read(&finished) < CLOCK_TASKS)
		cond_resched();
	host = ktime_get() - host;
	clock = arch_cpu_clock() - clock;
	/* the thread may have stood still between two readings */
	most = ktime_get() - before;
	say("clock: %lu ns, the host's %lu\n", clock, host);
	check(clock > host - host / 128 && clock < most + most / 128);
}

static void test_oops(void)
{
	*(volatile int *)0x1234 = 1;
}

static void test_oops_in_door(void)
{
	host_fault();
}

static u64 deep(u64 n)
{
	volatile u8 room[512];

	room[n % 512] = 1;
	return n ? deep(n - 1) + room[n % 512] : 0;
}

static void test_overflow(void)
{
	say("%lu %lu\n", deep(1000), 0);
}

static void test_fixup(void)
{
	u64 ok = 1;

	__asm__ volatile("1: movb $1, (%1)\n mov $2, %0\n2:\n" ARCH_FIXUP("1b", "2b")
			 : "+r"(ok)
			 : "r"(0x1000UL)
			 : "memory");
	check(ok == 1);
	say("fixup %lu %lu\n", ok, 0);
}

static void test_term(void)
{
	say("ready %lu %lu\n", 0, 0);
	for (;;) {
		irq_poll();
		arch_idle(~0UL);
	}
}

/*
 * Kernel data keeps its address in the arena: what was written before the remap is there.
 * physmem_next() finds written pages, and physmem_release() makes a page zero.
 */
static void test_arena(void)
{
	check(!strncmp(boot_command_line, "test=arena", 10));
	check(physmem_next(physmem_frames - 8, physmem_frames, true) == physmem_frames);
	*(u64 *)pfn_to_virt(physmem_frames - 4) = 1;
	check(physmem_next(physmem_frames - 8, physmem_frames, true) == physmem_frames - 4);
	check(physmem_next(physmem_frames - 4, physmem_frames, false) == physmem_frames - 3);
	check(!physmem_release(physmem_frames - 4, 1));
	check(*(u64 *)pfn_to_virt(physmem_frames - 4) == 0);
	say("arena %lu %lu\n", 0, 0);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "switch", test_switch },
	{ "irq", test_irq },
	{ "event", test_event },
	{ "idle", test_idle },
	{ "clock", test_clock },
	{ "oops", test_oops },
	{ "oops-in-door", test_oops_in_door },
	{ "overflow", test_overflow },
	{ "fixup", test_fixup },
	{ "term", test_term },
	{ "arena", test_arena },
};

void kernel_main(void)
{
	static struct console con = { .name = "stderr", .write = stderr_write };

	console_register(&con);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		if (strcmp(tests[i].name, wanted))
			continue;
		tests[i].fn();
		arch_power_off(0);
	}
	refuse("test=%s: unknown", wanted);
}
