/* SPDX-License-Identifier: MIT */
/*
 * patch_signal: registers that a handler sees of a thread in the middle of hot calls: rip, rcx, r11
 * and rax as after a `syscall`, or before it.
 */
#include "site.h"
#include <setjmp.h>
#include <ucontext.h>

#define SIGNALS 800
/* CF PF AF ZF SF DF OF: flags that r11 must show as they were */
#define TF_ETC 0xcd5

extern char signal_loop[], signal_mov[], signal_syscall[], signal_after[], signal_end[];

/*
 * Calls getppid until *stop, and counts answers that differ from @want. rbx, rbp, r12 .. r15 are
 * known numbers inside.
 */
__asm__(".pushsection .text\n\t.balign 16\n"
	"signal_loop:\n\tpush %rbx\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
	"mov %rdi, %rbx\n\tmov %rsi, %r12\n\txor %r13d, %r13d\n\txor %r14d, %r14d\n\t"
	"mov $0x1515, %r15d\n"
	"signal_mov:\tmov $110, %eax\n"
	"signal_syscall:\tsyscall\n"
	"signal_after:\tcmp %r12, %rax\n\tsetne %r13b\n\tadd %r13, %r14\n\t"
	"cmpl $0, (%rbx)\n\tje signal_mov\n\t"
	"mov %r14, %rax\n\tpop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbx\n"
	"signal_end:\tret\n\t.popsection");

static volatile int stop, seen, wrong_rip, wrong_rcx, wrong_rax, wrong_r11, wrong_other;

static void look(int sig, siginfo_t *si, void *arg)
{
	greg_t *g = ((ucontext_t *)arg)->uc_mcontext.gregs;
	char *rip = (char *)g[REG_RIP];

	if (++seen == SIGNALS)
		stop = 1;
	if (rip < signal_mov || rip >= signal_end)
		return; /* in libc, before or after the loop */
	if (rip > signal_mov && rip < signal_syscall)
		wrong_rip++;
	if (rip > signal_syscall && rip < signal_after)
		wrong_rip++;
	if (rip > signal_mov && g[REG_RCX] != (greg_t)signal_after)
		wrong_rcx++;
	if (rip == signal_after)
		wrong_rax += g[REG_RAX] != g[REG_R12];
	if (rip == signal_syscall)
		wrong_rax += g[REG_RAX] != 110;
	if (rip == signal_after && (g[REG_R11] ^ g[REG_EFL]) & TF_ETC)
		wrong_r11++;
	wrong_other += g[REG_R15] != 0x1515;
}

static void storm(void)
{
	struct sigaction sa = { .sa_sigaction = look, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } };
	long (*loop)(volatile int *, long) = (void *)signal_loop;

	NEED(sigaction(SIGALRM, &sa, NULL));
	NEED(setitimer(ITIMER_REAL, &it, NULL));
	say("calls: %ld wrong", loop(&stop, getppid()));
	memset(&it, 0, sizeof(it));
	NEED(setitimer(ITIMER_REAL, &it, NULL));
	say("between instructions: %d, rcx: %d, rax: %d, r11: %d, others: %d", wrong_rip, wrong_rcx,
		wrong_rax, wrong_r11, wrong_other);
}

SITE(signal_kill, 62);
SITE(signal_getppid, 110);
static long at_rip, at_rcx, at_r11, at_rax, at_rdi, at_rsi, calls_in_handler;

/* A signal that the call sends to its own process arrives after the call. */
static void on_own(int sig, siginfo_t *si, void *arg)
{
	greg_t *g = ((ucontext_t *)arg)->uc_mcontext.gregs;

	at_rip += g[REG_RIP] == (greg_t)signal_kill + SITE_AFTER;
	at_rcx += g[REG_RCX] == g[REG_RIP];
	at_r11 += !((g[REG_R11] ^ g[REG_EFL]) & TF_ETC);
	at_rax += g[REG_RAX] == 0;
	at_rdi += g[REG_RDI] == getpid();
	at_rsi += g[REG_RSI] == sig;
	calls_in_handler += signal_getppid(0, 0, 0, 0, 0, 0) == getppid();
}

static void own(void)
{
	struct sigaction sa = { .sa_sigaction = on_own, .sa_flags = SA_SIGINFO };
	int i;

	NEED(sigaction(SIGUSR1, &sa, NULL));
	for (i = 0; i < HOT; i++)
		NEED(signal_kill(getpid(), SIGUSR1, 0, 0, 0, 0));
	say("of %d: rip %ld, rcx %ld, r11 %ld, rax %ld, rdi %ld, rsi %ld, calls %ld", HOT, at_rip,
		at_rcx, at_r11, at_rax, at_rdi, at_rsi, calls_in_handler);
}

/*
 * A handler that does not return: siglongjmp() out of a hot call, and a call on an alternate stack.
 */
static sigjmp_buf back;
static void on_jump(int sig)
{
	siglongjmp(back, 1);
}

static void jump_out(void)
{
	volatile int i, jumps = 0;

	signal(SIGUSR2, on_jump);
	for (i = 0; i < 500; i++)
		if (!sigsetjmp(back, 1))
			signal_kill(getpid(), SIGUSR2, 0, 0, 0, 0);
		else
			jumps++;
	say("jumped out of %d", jumps);
}

TEST(patch_signal)
{
	storm();
	own();
	jump_out();
	CHILD(own());
}
