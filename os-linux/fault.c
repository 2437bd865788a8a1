/* SPDX-License-Identifier: MIT */
/*
 * fault.c: faults of the kernel process itself.
 *
 * A SIGBUS in guarded memory (os_fault_guard()) replaces the page and repeats the access, so code
 * that reads such memory needs no fixup of its own. An access with a fixup continues there instead.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "os-linux/state/base.h"
#include "os-linux/internal.h"

#define ALT_STACK_SIZE (64 * 1024)
#define OOPS_STACK_SIZE (64 * 1024)
#define EFLAGS_TF_DF_AC 0x40500

static struct os_fault_config config; /* set once, before faults are expected */
static uint32_t reporting[OS_MAX_CPUS];
static char *oops_stack[OS_MAX_CPUS];

static const int fault_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };

/* ---- memory that may vanish ---- */

#define GUARDS 16
#define PAGE 4096UL
/*
 * The number of pages that are replaced one by one, each of which can cost two VMAs. Once it is
 * reached, a whole megabyte is replaced at a time.
 */
#define SINGLE_PAGES 1024
#define PIECE (1UL << 20)

static struct guard {
	uint64_t addr, len;
	uint8_t *lost;
	uint32_t *count;
} guards[GUARDS];
static uint32_t nr_guards; /* grows when an entry is complete */

int os_fault_guard(void *addr, size_t len, uint8_t *lost, uint32_t *count)
{
	uint32_t n = __atomic_load_n(&nr_guards, __ATOMIC_ACQUIRE);

	if (n == GUARDS)
		return -ENOSPC;
	guards[n] = (struct guard){ (uint64_t)addr, len, lost, count };
	__atomic_store_n(&nr_guards, n + 1, __ATOMIC_RELEASE);
	return 0;
}

static const struct guard *find_guard(uint64_t addr)
{
	uint32_t n = __atomic_load_n(&nr_guards, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < n; i++)
		if (addr - guards[i].addr < guards[i].len)
			return &guards[i];
	return NULL;
}

/*
 * True if the page that the host does not provide is now replaced by zeros, perhaps with the whole
 * PIECE around it. False if the page is not guarded, or if the host refuses the mapping. Two
 * threads may replace one page without harm.
 */
static int replace_page(uint64_t addr)
{
	const struct guard *g = find_guard(addr);
	uint64_t size, start, end;

	if (!g)
		return 0;
	size = __atomic_load_n(g->count, __ATOMIC_RELAXED) < SINGLE_PAGES ? PAGE : PIECE;
	start = g->addr + ((addr - g->addr) & ~(size - 1));
	end = start + size < g->addr + g->len ? start + size : g->addr + g->len;
	if (mmap((void *)start, end - start, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
		return 0;
	for (uint64_t page = (start - g->addr) / PAGE; page < (end - g->addr) / PAGE; page++)
		__atomic_or_fetch(&g->lost[page / 8], (uint8_t)(1U << page % 8), __ATOMIC_SEQ_CST);
	__atomic_add_fetch(g->count, 1, __ATOMIC_SEQ_CST);
	return 1;
}

/* ---- the handler ---- */

static uint64_t find_fixup(uint64_t rip)
{
	for (const struct os_fixup *f = config.fixups; f != config.fixups_end; f++)
		if (f->from == rip)
			return f->to;
	return 0;
}

static void __attribute__((noreturn)) die(int sig, const ucontext_t *uc, const siginfo_t *si)
{
	char text[160];
	int n = snprintf(text, sizeof(text),
		"nestling: signal %d at %#llx, address %p, in host thread %d (vCPU %d)\n", sig,
		(unsigned long long)uc->uc_mcontext.gregs[REG_RIP], si->si_addr, (int)gettid(),
		os_this_cpu);

	os_write_stderr(text, n);
	os_run_at_exit();
	_exit(2);
}

static void fill_frame(struct os_fault *f, int sig, const siginfo_t *si, const greg_t *g)
{
	*f = (struct os_fault){
		.r15 = g[REG_R15],
		.r14 = g[REG_R14],
		.r13 = g[REG_R13],
		.r12 = g[REG_R12],
		.r11 = g[REG_R11],
		.r10 = g[REG_R10],
		.r9 = g[REG_R9],
		.r8 = g[REG_R8],
		.rbp = g[REG_RBP],
		.rdi = g[REG_RDI],
		.rsi = g[REG_RSI],
		.rdx = g[REG_RDX],
		.rcx = g[REG_RCX],
		.rbx = g[REG_RBX],
		.rax = g[REG_RAX],
		.rip = g[REG_RIP],
		.cs = g[REG_CSGSFS] & 0xffff,
		.eflags = g[REG_EFL],
		.rsp = g[REG_RSP],
		.ss = ((uint64_t)g[REG_CSGSFS] >> 48) & 0xffff,
		.addr = (uint64_t)si->si_addr,
		.error = g[REG_ERR],
		.trapno = g[REG_TRAPNO],
		.signo = sig,
		.code = si->si_code,
	};
}

static void on_fault(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
	greg_t *g = uc->uc_mcontext.gregs;
	uint64_t fixup = find_fixup(g[REG_RIP]);
	int cpu = os_this_cpu;

	if (sig == SIGSEGV && base_wait((uint64_t)si->si_addr))
		return;
	if (fixup) {
		g[REG_RIP] = fixup;
		return;
	}
	if (sig == SIGBUS && replace_page((uint64_t)si->si_addr))
		return;
	if (cpu < 0 || !config.entry || !config.frame[cpu] ||
		__atomic_exchange_n(&reporting[cpu], 1, __ATOMIC_SEQ_CST))
		die(sig, uc, si);
	fill_frame(config.frame[cpu], sig, si, g);
	g[REG_RIP] = (greg_t)config.entry;
	g[REG_RSP] = config.stack_top[cpu] - 8; /* as if called */
	g[REG_RBP] = 0;
	g[REG_RDI] = cpu;
	g[REG_RSI] = (greg_t)(oops_stack[cpu] + OOPS_STACK_SIZE);
	g[REG_EFL] &= ~EFLAGS_TF_DF_AC;
}

int os_fault_setup(const struct os_fault_config *cfg)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	config = *cfg;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(fault_signals) / sizeof(fault_signals[0]); i++)
		if (sigaction(fault_signals[i], &sa, NULL))
			return os_refused("rt_sigaction", errno);
	return 0;
}

/* Makes two stacks, which stay for the life of the thread, and so of the process. */
int os_fault_thread_setup(void)
{
	char *p = mmap(NULL, ALT_STACK_SIZE + OOPS_STACK_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	stack_t ss = { .ss_sp = p, .ss_size = ALT_STACK_SIZE };

	if (p == MAP_FAILED)
		return os_refused("mmap", errno);
	if (sigaltstack(&ss, NULL))
		return os_refused("sigaltstack", errno);
	oops_stack[os_this_cpu] = p + ALT_STACK_SIZE;
	return 0;
}
