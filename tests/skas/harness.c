/* SPDX-License-Identifier: MIT */
/*
 * harness.c: tests skas/ without the rest of the kernel, with a minimal kernel: programs of
 * guest.c, page frames that are only handed out in order, a few system calls. Kernel world, linked
 * with os-linux/ and host.c; run once per mode.
 *
 * A test runs one guest program to its end, and compares the end with the expected one: an exit
 * status, a signal, or the death of the space.
 */
#include <asm/signal.h>
#include <linux/mman.h>

#include "gen/stub_syms.h"
#include "kernel/lib/debug/contention.h"
#include "kernel/lib/string.h"
#include "tests/skas/harness.h"

#define PHYS_SIZE (512UL << 20)

extern const char guest_start[], guest_end[];

static struct os_irq_page irq_page;
static u32 next_frame;
static const char *mode_text;
static int passed, failed;

/* ---- the minimal kernel ---- */

u32 frames(u32 n)
{
	u32 first = next_frame;

	if ((u64)(first + n) * 4096 > PHYS_SIZE)
		host_fail("harness: out of frames");
	next_frame += n;
	return first;
}

void frames_reset(void)
{
	next_frame = 16;
}

void proc_start(struct proc *p, int program, u64 arg, u64 what)
{
	u64 size = PAGE_ALIGN((u64)(guest_end - guest_start)), image = frames(size / 4096) * 4096UL;
	u64 stack = frames(GUEST_STACK_SIZE / 4096) * 4096UL;

	memset(p, 0, sizeof(*p));
	p->fpu.area = p->area;
	p->around = 16;
	skas_fpu_init(&p->fpu);
	memcpy(PHYS + image, guest_start, guest_end - guest_start);
	p->space = space_get();
	if (IS_ERR(p->space))
		host_fail("harness: space_get");
	space_map(p->space, GUEST_BASE, size, PROT_READ | PROT_WRITE | PROT_EXEC, 0, image, false);
	space_map(p->space, GUEST_STACK_TOP - GUEST_STACK_SIZE, GUEST_STACK_SIZE,
		PROT_READ | PROT_WRITE, 0, stack, false);
	p->regs.rip = GUEST_BASE;
	p->regs.rsp = GUEST_STACK_TOP;
	p->regs.cs = USER_CS;
	p->regs.ss = USER_SS;
	p->regs.eflags = 0x202;
	p->regs.rdi = program;
	p->regs.rsi = arg;
	p->regs.rdx = skas_task_size();
	p->regs.rcx = what;
}

void proc_start_beside(struct proc *p, const struct proc *a, int program, u64 arg, u64 what)
{
	*p = *a;
	p->fpu = (struct fpu){ .area = p->area };
	skas_fpu_init(&p->fpu);
	p->regs.rdi = (u64)program;
	p->regs.rsi = arg;
	p->regs.rcx = what;
	p->regs.rip = GUEST_BASE;
	p->regs.rsp = GUEST_STACK_TOP - GUEST_STACK_SIZE / 2;
}

/*
 * Maps p->around pages at a fault in the anonymous range. Returns false for any other fault, which
 * is a SIGSEGV.
 */
static bool proc_fault(struct proc *p, u64 addr)
{
	u64 len = p->around * 4096UL, start = addr & ~(len - 1);

	if (addr < GUEST_ANON || addr >= GUEST_ANON + GUEST_ANON_SIZE)
		return false;
	p->faults++;
	return !space_map(
		p->space, start, len, PROT_READ | PROT_WRITE, 0, frames(p->around) * 4096UL, true);
}

/* Counts the bytes of a write. Without page tables the harness cannot read them. */
static void proc_write(struct proc *p, u64 addr, u64 len)
{
	(void)addr;
	p->output_len += len;
}

/* Carries out the system call in p->regs. True if the guest has exited. */
static bool proc_syscall(struct proc *p)
{
	struct regs *r = &p->regs;

	p->calls++;
	if (p->last.i386)
		return false;
	switch (r->orig_rax) {
	case GNR_EXIT: return true;
	case GNR_GETPPID: r->rax = GUEST_PPID; break;
	case GNR_TIME: r->rax = GUEST_TIME; break;
	case GNR_RESULT: p->result = r->rdi; break;
	case GNR_BASES:
		r->fs_base = r->rdi;
		r->gs_base = r->rsi;
		r->own_gs = 1;
		break;
	case GNR_WRITE:
		proc_write(p, r->rsi, r->rdx);
		r->rax = r->rdx;
		break;
	}
	return false;
}

/* Each slice of p->slice ns that ends is a kick. */
enum outcome proc_run(struct proc *p, int cpu, u64 kicks)
{
	for (;;) {
		u64 deadline = p->slice ? os_clock_mono() + p->slice : OS_FOREVER;

		skas_run(p->space, cpu, &p->regs, &p->fpu, deadline, &p->last);
		irq_page.cpu[cpu].kicked = 0;
		switch (p->last.type) {
		case EV_SYSCALL:
			if (proc_syscall(p))
				return EXITED;
			break;
		case EV_FAULT:
			if (!proc_fault(p, p->last.addr)) {
				p->last.signo = SIGSEGV;
				return SIGNALLED;
			}
			break;
		case EV_SIGNAL: return SIGNALLED;
		case EV_SCARCE:
		case EV_DEAD: return DIED;
		case EV_KICK:
			if (++p->kicks == kicks)
				return STILL_RUNNING;
			break;
		}
	}
}

void proc_end(struct proc *p)
{
	skas_fpu_drop(&p->fpu);
	space_put(p->space);
}

/* ---- checks ---- */

void check(bool good, const char *name)
{
	if (good)
		passed++;
	else
		failed++;
	host_print(
		"%s %s, %s, %d vCPUs\n", good ? "ok" : "NOT OK", name, mode_text, skas.cfg.ncpus);
}

struct proc proc_a, proc_b;

/*
 * Runs a guest to its end. Checks the outcome and, as @detail, the exit status of EXITED or the
 * signal of SIGNALLED.
 */
static void expect(
	const char *name, int program, u64 arg, u64 what, enum outcome wanted, u64 detail)
{
	struct proc *p = &proc_a;
	enum outcome got;
	bool good;

	frames_reset();
	proc_start(p, program, arg, what);
	p->slice = 200 * NSEC_PER_MSEC;
	got = proc_run(p, 0, 10);
	good = got == wanted && (got != EXITED || p->regs.rdi == detail) &&
	       (got != SIGNALLED || (u64)p->last.signo == detail);
	check(good, name);
	if (!good)
		host_print(
			"# outcome %d status %llu signal %d addr %llx rip %llx trapno %d code %d\n",
			got, (unsigned long long)p->regs.rdi, p->last.signo,
			(unsigned long long)p->last.addr, (unsigned long long)p->regs.rip,
			p->last.trapno, p->last.code);
	proc_end(p);
}

/*
 * Runs a hostile guest, which may end in any way but with status 1, its success. Then checks that
 * an honest guest still runs.
 */
static void survive(const char *name, int program, u64 arg, u64 what)
{
	struct proc *p = &proc_a;
	enum outcome got;

	frames_reset();
	proc_start(p, program, arg, what);
	p->slice = 20 * NSEC_PER_MSEC;
	got = proc_run(p, 0, 3);
	check(!(got == EXITED && p->regs.rdi == 1), name);
	proc_end(p);
	expect("an honest guest after it", G_REGS, 0, 0, EXITED, 0);
}

static void test_honest(void)
{
	expect("hello", G_HELLO, 0, 0, EXITED, 3);
	check(proc_a.output_len == 21, "output of hello");
	expect("registers over a call", G_REGS, 0, 0, EXITED, 0);
	expect("FPU state over calls", G_FPU_CALLS, 2000, 1, EXITED, 0);
	if (skas.caps & OS_SPACE_FSGSBASE)
		expect("fs and gs base", G_FSGS, 0, 0, EXITED, 0);
	expect("fs and gs base that calls set", G_BASES, 300, 1000, EXITED, 0);
	expect("faults", G_TOUCH, 2000, 0, EXITED, 0);
	expect("AC, NT and DF set over a call", G_FLAGS, 0, 0, EXITED, 0);
	if (host_has_int80())
		expect("int 0x80 is told apart", G_INT80, 0, 0, EXITED, 0);
	else
		expect("int 0x80 faults as on the host", G_INT80, 0, 0, SIGNALLED, SIGSEGV);
	expect("ud2", G_BAD, 0, BAD_UD2, SIGNALLED, SIGILL);
	expect("division by zero", G_BAD, 0, BAD_DIV, SIGNALLED, SIGFPE);
	expect("int3", G_BAD, 0, BAD_INT3, SIGNALLED, SIGTRAP);
	expect("single step", G_BAD, 0, BAD_STEP, SIGNALLED, SIGTRAP);
	expect("hlt", G_BAD, 0, BAD_HLT, SIGNALLED, SIGSEGV);
	expect("null pointer", G_BAD, 0, BAD_NULL, SIGNALLED, SIGSEGV);
	check(proc_a.last.addr == 8 && proc_a.last.error == 6, "address and error code of a fault");
	expect("non-canonical rip", G_BAD, 0, BAD_NONCANONICAL, SIGNALLED, SIGSEGV);
	expect("bad stack pointer", G_BAD, 0, BAD_RSP, SIGNALLED, SIGSEGV);
}

static void test_kicks(void)
{
	struct proc *p = &proc_a;
	u64 start;

	frames_reset();
	proc_start(p, G_LOOP, 0, 0);
	p->slice = NSEC_PER_MSEC;
	start = os_clock_mono();
	check(proc_run(p, 0, 50) == STILL_RUNNING, "a loop is kicked");
	check(os_clock_mono() - start < 30 * NSEC_PER_SEC, "kicks come in time");
	proc_end(p);
	proc_start(p, G_FPU, 3000000, 0);
	p->slice = 100000;
	check(proc_run(p, 0, ~0UL) == EXITED && p->regs.rdi == 0,
		"FPU state and registers under kicks");
	check(p->kicks > 0, "there were kicks");
	proc_end(p);
	proc_start(p, G_BASES, 3000, 7);
	p->slice = 20000;
	check(proc_run(p, 0, ~0UL) == EXITED && p->regs.rdi == 0, "fs and gs base under kicks");
	check(p->kicks > 0, "there were kicks");
	proc_end(p);
	proc_start(p, G_FPU_CALLS, 30000, 5);
	host_kicker_start(100);
	check(proc_run(p, 0, ~0UL) == EXITED && p->regs.rdi == 0,
		"calls under kicks from another thread");
	host_kicker_stop();
	proc_end(p);
}

static void test_hostile(void)
{
	u64 base = skas_task_size();

	for (u64 what = 0; what < 5; what++)
		survive("control page, turn word or alt stack overwritten", G_WRECK, 0, what);
	expect("orders are read-only", G_BAD, 0, BAD_WRITE_ORDERS, SIGNALLED, SIGSEGV);
	expect("the stub is read-only", G_BAD, 0, BAD_WRITE_TEXT, SIGNALLED, SIGSEGV);
	survive("the alt stack is not executable", G_BAD, 0, BAD_EXEC_ALT);
	survive("write through the gate", G_BAD, base + STUB_SYM_futex_gates, BAD_GATE_WRITE);
	survive("futex on another word", G_BAD, base + STUB_SYM_futex_gates, BAD_GATE_OTHER_WORD);
	survive("sleeps in the gate", G_BAD, base + STUB_SYM_futex_gates, BAD_GATE_SLEEP);
	survive("another runner's gate", G_BAD, base + STUB_SYM_futex_gates + 16, BAD_GATE_SLEEP);
	survive("mmap in the mapper's code", G_BAD, base + STUB_SYM_mapper_order, BAD_MAPPER);
	survive("call from the bottom of the alt stack", G_BAD, 0, BAD_RSP_ALT);
	survive("jump to the handler", G_BAD, base + STUB_SYM_h_all, BAD_HANDLER);
	survive("jump to the way out", G_BAD, base + STUB_SYM_go_live, BAD_EXIT_PATH);
	survive("undoes every hand-off", G_STUBBORN, 0, 0);
}

/*
 * Returns the ns until it is noticed that another process has killed the runner, or the mapper, of
 * a guest that loops. Returns 0 if it is not noticed.
 */
static u64 lose(bool runner)
{
	struct proc *p = &proc_a;
	u64 start, took;

	frames_reset();
	proc_start(p, G_LOOP, 0, 0);
	p->slice = NSEC_PER_MSEC;
	proc_run(p, 0, 1);
	p->slice = 0;
	host_end_later(runner ? p->space->runner[0].task : p->space->mapper, 20000);
	if (!runner) {
		while (os_space_is_dead(p->space->mapper) != 1)
			os_sleep_until(os_clock_mono() + NSEC_PER_MSEC);
		space_map(p->space, GUEST_ANON, 4096, PROT_READ, 0, 0, false);
	}
	start = os_clock_mono();
	took = proc_run(p, 0, 1) == DIED ? os_clock_mono() - start + 1 : 0;
	proc_end(p);
	return took;
}

/* A task of a space is killed while the guest loops. Only this guest may be lost. */
static void test_lost(void)
{
	for (int runner = 0; runner < 2; runner++) {
		u64 took = lose(runner);

		check(took, runner ? "a killed runner" : "a killed mapper");
		/* the host may stand still for a second, but not each time */
		for (int i = 0; i < 5 && took > NSEC_PER_SEC; i++)
			took = lose(runner);
		check(took && took <= NSEC_PER_SEC, "is noticed within a second");
	}
	expect("a guest after that", G_HELLO, 0, 0, EXITED, 3);
}

/*
 * Two tasks of one space run alternately on one vCPU, for at most @slice ns each time. Each must
 * keep its state.
 */
static void two_tasks(int program, u64 rounds, u64 slice, const char *what)
{
	struct proc *task[2] = { &proc_a, &proc_b };
	bool done[2] = { false, false };

	frames_reset();
	proc_start(task[0], program, rounds, 3);
	proc_start_beside(task[1], task[0], program, rounds, 9);
	for (int i = 0; !done[0] || !done[1]; i ^= 1) {
		struct proc *p = task[i];

		if (done[i])
			continue;
		skas_run(p->space, 0, &p->regs, &p->fpu,
			slice ? os_clock_mono() + slice : OS_FOREVER, &p->last);
		irq_page.cpu[0].kicked = 0;
		done[i] = p->last.type == EV_SYSCALL ? proc_syscall(p) : p->last.type != EV_KICK;
	}
	for (int i = 0; i < 2; i++)
		check(task[i]->last.type == EV_SYSCALL && task[i]->regs.rdi == 0, what);
	skas_fpu_drop(&proc_b.fpu);
	proc_end(&proc_a);
}

static void test_two_tasks(void)
{
	two_tasks(G_FPU_CALLS, 500, 0, "one of two tasks");
	two_tasks(G_BASES, 300, 20000, "fs and gs base of one of two tasks");
}

static void test_many(int rounds)
{
	struct proc *p = &proc_a;
	int good = 0;

	for (int i = 0; i < rounds; i++) {
		frames_reset();
		proc_start(p, i & 1 ? G_TOUCH : G_NOTHING, 20, 0);
		good += proc_run(p, 0, ~0UL) == EXITED && p->regs.rdi == 0;
		proc_end(p);
	}
	check(good == rounds, "thousands of guests, one after the other");
	frames_reset();
	expect("a pooled space has forgotten its mappings", G_PEEK, 0, 0, EXITED, 0);
	check(proc_a.faults == 1, "the first touch of a pooled space faults");
}

/*
 * Two vCPUs run two tasks of one space at the same time. The second vCPU runs the task in
 * second_proc to its end, and waits for the next one.
 */
static struct proc *second_proc;
static bool second_started;
static enum outcome second_outcome;

static void second_vcpu(void *arg)
{
	for (;;) {
		struct proc *p;

		while (!(p = smp_load_acquire(&second_proc)))
			os_sleep_until(os_clock_mono() + NSEC_PER_MSEC / 10);
		second_outcome = proc_run(p, 1, ~0UL);
		smp_store_release(&second_proc, NULL);
	}
}

void second_run(struct proc *p)
{
	smp_store_release(&second_proc, p);
	if (!second_started)
		os_vcpu_start(1, second_vcpu, NULL);
	second_started = true;
}

enum outcome second_wait(void)
{
	while (smp_load_acquire(&second_proc))
		os_sleep_until(os_clock_mono() + NSEC_PER_MSEC / 10);
	return second_outcome;
}

static void test_two_cpus(void)
{
	struct proc *a = &proc_a, *b = &proc_b;
	bool good;

	if (skas.cfg.ncpus < 2)
		return;
	frames_reset();
	proc_start(a, G_FPU_CALLS, 20000, 3);
	*b = *a;
	b->fpu = (struct fpu){ .area = b->area };
	b->regs.rcx = 9;
	b->regs.rsp -= GUEST_STACK_SIZE / 2;
	second_run(b);
	good = proc_run(a, 0, ~0UL) == EXITED && a->regs.rdi == 0;
	check(good, "first of two vCPUs in one space");
	good = second_wait() == EXITED && b->regs.rdi == 0;
	check(good, "second of two vCPUs in one space");
	skas_fpu_drop(&b->fpu);
	proc_end(a);
}

#define KILLS 50

/*
 * True if the runner of another vCPU, which writes all the time, still writes when space_kill()
 * returns. The killer then frees the memory of the space.
 */
static bool lives_when_killed(struct proc *p)
{
	u64 frame, *word, then;
	bool dead;

	frames_reset();
	proc_start(p, G_COUNT, 0, 0);
	frame = frames(1) * 4096UL;
	word = (u64 *)(PHYS + frame);
	*word = 0;
	space_map(p->space, GUEST_ANON, 4096, PROT_READ | PROT_WRITE, 0, frame, true);
	second_run(p);
	while (!READ_ONCE(*word))
		handoff_pause();
	skas_lock(&p->space->lock);
	space_kill(p->space);
	then = READ_ONCE(*word);
	dead = os_space_is_dead(p->space->runner[1].task) == 1;
	skas_unlock(&p->space->lock);
	os_sleep_until(os_clock_mono() + NSEC_PER_MSEC);
	dead &= second_wait() == DIED && READ_ONCE(*word) == then;
	proc_end(p);
	return !dead;
}

static void test_kill(void)
{
	int late = 0;

	if (skas.cfg.ncpus < 2)
		return;
	for (int i = 0; i < KILLS; i++)
		late += lives_when_killed(&proc_a);
	check(!late, "a space that was killed is dead");
	if (late)
		host_print("# %d of %d were not\n", late, KILLS);
}

/* ---- figures ---- */

static void measure(const char *name, int program, u64 n, int around)
{
	struct proc *p = &proc_a;

	frames_reset();
	proc_start(p, program, n, 0);
	p->around = around;
	proc_run(p, 0, ~0UL);
	host_print(
		"%-34s %8llu ns\n", name, (unsigned long long)(p->result * 1000 / host_tsc_mhz()));
	proc_end(p);
}

#define SAMPLES 2000
static u64 samples[4][SAMPLES];

static u64 median(u64 *v)
{
	for (int i = 1; i < SAMPLES; i++) {
		u64 x = v[i];
		int k = i;

		for (; k && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
	return v[SAMPLES / 2];
}

/* Measures each step of a space's life: prints minimum and median. */
static void measure_steps(void)
{
	static const char *const names[] = { "space_get and three orders", "flush of them",
		"run to the exit", "space_put" };
	u64 t[5];

	for (int i = 0; i < SAMPLES; i++) {
		frames_reset();
		t[0] = os_clock_mono();
		proc_start(&proc_a, G_NOTHING, 0, 0);
		t[1] = os_clock_mono();
		space_flush(proc_a.space);
		t[2] = os_clock_mono();
		proc_run(&proc_a, 0, ~0UL);
		t[3] = os_clock_mono();
		proc_end(&proc_a);
		t[4] = os_clock_mono();
		for (int k = 0; k < 4; k++)
			samples[k][i] = t[k + 1] - t[k];
	}
	for (int k = 0; k < 4; k++) {
		u64 m = median(samples[k]);

		host_print("%-34s %8llu ns, least %llu\n", names[k], (unsigned long long)m,
			(unsigned long long)samples[k][0]);
	}
}

static void measure_all(void)
{
	char text[512];
	u64 start;

	measure("getppid", G_TIME_CALLS, 100000, 1);
	measure("getppid", G_TIME_CALLS, 100000, 1);
	measure("fault, 1 page", G_TIME_FAULTS, 10000, 1);
	measure("fault, 16 pages, per page", G_TIME_FAULTS, 32000, 16);
	start = os_clock_mono();
	for (int i = 0; i < 1000; i++) {
		frames_reset();
		proc_start(&proc_a, G_NOTHING, 0, 0);
		proc_run(&proc_a, 0, ~0UL);
		proc_end(&proc_a);
	}
	host_print("%-34s %8llu ns\n", "get, run, put",
		(unsigned long long)(os_clock_mono() - start) / 1000);
	measure_steps();
	skas_format_stats(text, sizeof(text));
	host_print("%s", text);
}

/* ---- start ---- */

static void start(enum skas_mode mode, int ncpus, enum skas_handoff handoff)
{
	struct skas_config cfg = {
		.mode = mode, .ncpus = ncpus, .handoff = handoff, .irq = &irq_page
	};
	const char *why = "?";

	cfg.physmem = os_mem_create("test-physmem", PHYS_SIZE);
	if (cfg.physmem < 0 ||
		os_mem_map(PHYS, PHYS_SIZE, OS_PROT_READ | OS_PROT_WRITE, cfg.physmem, 0, 0))
		host_fail("harness: no physmem");
	os_irq_setup(&irq_page, ncpus);
	if (skas_init(&cfg, &why))
		host_fail(why);
}

/* Runs guest code until this process is killed. */
static void run_forever(void)
{
	frames_reset();
	host_take_terminal();
	proc_start(&proc_a, G_LOOP, 0, 0);
	proc_run(&proc_a, 0, ~0UL);
}

/* Calls, FPU state and faults with frequent kicks, for half a minute. Returns the exit status. */
static int soak(void)
{
	u64 end = os_clock_mono() + 30 * NSEC_PER_SEC, kicks = 0;
	int rounds = 0, good = 0;

	host_kicker_start(5);
	for (; os_clock_mono() < end; rounds++) {
		frames_reset();
		proc_start(&proc_a, rounds & 1 ? G_FPU_CALLS : G_TOUCH, 2000, 7);
		good += proc_run(&proc_a, 0, ~0UL) == EXITED && proc_a.regs.rdi == 0;
		kicks += proc_a.kicks;
		proc_end(&proc_a);
	}
	host_kicker_stop();
	skas_exit();
	host_print("%s %d of %d guests under %llu kicks\n", good == rounds ? "ok" : "NOT OK", good,
		rounds, (unsigned long long)kicks);
	return good != rounds;
}

int harness_main(int mode, int ncpus, int handoff, int what)
{
	mode_text = mode == SKAS_PTRACE ? "ptrace" : "seccomp";
	start(mode, ncpus, handoff);
	if (what == HARNESS_FIGURES) {
		measure_all();
		skas_exit();
		return 0;
	}
	if (what == HARNESS_FOREVER)
		run_forever();
	if (what == HARNESS_SOAK)
		return soak();
	test_honest();
	test_kicks();
	test_hostile();
	test_lost();
	test_two_tasks();
	test_many(mode == SKAS_PTRACE ? 500 : 3000);
	test_two_cpus();
	test_kill();
	test_runners();
	skas_exit();
	host_print("# skas %s, %d vCPUs: %d passed, %d failed\n", skas_mode_name(), ncpus, passed,
		failed);
	return failed != 0;
}

/* ---- what skas/ and kernel/lib ask of the rest of the kernel ---- */

void *kmalloc(size_t size, unsigned flags);
void *kmalloc(size_t size, unsigned flags)
{
	host_fail("harness: kmalloc");
	return NULL;
}
/* Called by os-linux/thread.c: no thread is parked in this program. */
void arch_unpark(u64 sp) __noreturn;
void arch_unpark(u64 sp)
{
	host_fail("harness: arch_unpark");
}

int arch_futex_wait(u32 *word, u32 val, u64 deadline);
int arch_futex_wait(u32 *word, u32 val, u64 deadline)
{
	return os_futex_wait(word, val, deadline);
}
int arch_futex_wake(u32 *word, int n);
int arch_futex_wake(u32 *word, int n)
{
	return os_futex_wake(word, n);
}

/* ---- contention.h ---- */

bool contention_counted;

u64 contention_now(void)
{
	return 0;
}

void contention_add(const char *kind, const void *ip, u64 since)
{
}
