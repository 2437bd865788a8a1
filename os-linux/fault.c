/* SPDX-License-Identifier: MIT */
/*
 * fault.c: synchronous faults of vCPU threads.
 *
 * The handler runs on the thread's alternate stack. It never calls into the kernel world: it changes where the thread goes on, at
 * a fixup or at the kernel world's oops entry, and returns.
 *
 * States of a vCPU: fine -> (first fault) reporting -> (second fault) the process ends at once.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "os-linux/internal.h"

#define ALT_STACK_SIZE (64 * 1024)
#define OOPS_STACK_SIZE (64 * 1024)
#define EFLAGS_TF_DF_AC 0x40500

static struct os_fault_config config; /* set once, before faults are expected */
static uint32_t reporting[OS_MAX_CPUS];
static char *oops_stack[OS_MAX_CPUS];

static const int fault_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };

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

	if (fixup) {
		g[REG_RIP] = fixup;
		return;
	}
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
			return -errno;
	return 0;
}

/* Both stacks stay for the life of the thread, which is that of the process. */
int os_fault_thread_setup(void)
{
	char *p = mmap(NULL, ALT_STACK_SIZE + OOPS_STACK_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	stack_t ss = { .ss_sp = p, .ss_size = ALT_STACK_SIZE };

	if (p == MAP_FAILED || sigaltstack(&ss, NULL))
		return -errno;
	oops_stack[os_this_cpu] = p + ALT_STACK_SIZE;
	return 0;
}
