/* SPDX-License-Identifier: MIT */
/*
 * signal.c: signals to the kernel process.
 *
 * All threads block them. One thread waits for them and turns them into interrupts. It depends on
 * no other thread, so a kernel that hangs still ends a while after SIGTERM.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/end.h"
#include "os-linux/internal.h"

#define MAX_STOP_HOOKS 8
#define NO_IRQ (-1)

static int irq_of[NSIG]; /* irq + 1; 0: none */
static int shutdown_line = NO_IRQ;
static uint64_t grace_ns, end_at = OS_FOREVER;
static int end_value; /* of the last SIGTERM that had a value */

static struct {
	void (*stop)(void);
	void (*cont)(void);
} stop_hooks[MAX_STOP_HOOKS];
static int nr_stop_hooks;

int os_signal_irq(int signo, int irq)
{
	if (signo != SIGWINCH && signo != SIGUSR1 && signo != SIGUSR2)
		return -EINVAL;
	__atomic_store_n(&irq_of[signo], irq + 1, __ATOMIC_RELEASE);
	return 0;
}

int os_at_stop(void (*stop)(void), void (*cont)(void))
{
	int i = __atomic_fetch_add(&nr_stop_hooks, 1, __ATOMIC_SEQ_CST);

	if (i >= MAX_STOP_HOOKS)
		return -ENOSPC;
	stop_hooks[i].cont = cont;
	__atomic_store_n(&stop_hooks[i].stop, stop, __ATOMIC_RELEASE);
	return 0;
}

/*
 * Runs the stop hooks and stops all threads. Runners need no signal: they hand control to vCPUs,
 * which are about to stop, and then sleep.
 */
static void stop_everything(void)
{
	for (int i = 0; i < MAX_STOP_HOOKS; i++)
		if (__atomic_load_n(&stop_hooks[i].stop, __ATOMIC_ACQUIRE))
			stop_hooks[i].stop();
	os_kick_guests();
	syscall(SYS_tgkill, getpid(), getpid(), SIGSTOP);
}

static void after_stop(void)
{
	for (int i = 0; i < MAX_STOP_HOOKS; i++)
		if (__atomic_load_n(&stop_hooks[i].stop, __ATOMIC_ACQUIRE))
			stop_hooks[i].cont();
}

/* Begins a shutdown. The time that a SIGTERM carries is added to the grace period. */
static void begin_shutdown(const siginfo_t *info)
{
	bool counts = info->si_signo == SIGTERM && info->si_code == SI_QUEUE;
	int value = counts ? info->si_int : 0;
	uint64_t more = (uint64_t)END_SECONDS(value) * 1000000000;

	if (value)
		__atomic_store_n(&end_value, value, __ATOMIC_RELEASE);
	if (value || end_at == OS_FOREVER)
		__atomic_store_n(&end_at, os_clock_mono() + grace_ns + more, __ATOMIC_RELEASE);
	os_irq_raise(shutdown_line);
}

int os_end_value(void)
{
	return __atomic_load_n(&end_value, __ATOMIC_ACQUIRE);
}

int os_end_asked(void)
{
	return __atomic_load_n(&end_at, __ATOMIC_ACQUIRE) != OS_FOREVER;
}

static void handle(int signo, const siginfo_t *info)
{
	int irq;

	switch (signo) {
	case SIGTERM:
	case SIGHUP:
	case SIGALRM:
	case SIGXCPU:
	case SIGINT: begin_shutdown(info); break;
	case SIGQUIT: os_exit(1);
	case SIGTSTP: stop_everything(); break;
	case SIGCONT: after_stop(); break;
	default:
		irq = __atomic_load_n(&irq_of[signo], __ATOMIC_ACQUIRE);
		if (irq)
			os_irq_raise(irq - 1);
	}
}

static void wanted_signals(sigset_t *set)
{
	static const int wanted[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH,
		SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU };
	struct sigaction hup;

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(set, wanted[i]);
	if (!sigaction(SIGHUP, NULL, &hup) && hup.sa_handler == SIG_IGN) /* nohup */
		sigdelset(set, SIGHUP);
}

/* Returns the next signal, or 0 once the grace of a shutdown is over. */
static int next_signal(const sigset_t *set, siginfo_t *info)
{
	uint64_t now, left;
	struct timespec ts;

	if (end_at == OS_FOREVER)
		return sigwaitinfo(set, info);
	now = os_clock_mono();
	if (now >= end_at)
		return 0;
	left = end_at - now;
	ts = (struct timespec){ .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
	return sigtimedwait(set, info, &ts);
}

static void signal_thread(void *set)
{
	siginfo_t info;

	for (;;) {
		int signo = next_signal(set, &info);

		if (!signo)
			os_exit(1);
		if (signo > 0)
			handle(signo, &info);
	}
}

int os_signals_setup(int shutdown_irq, uint64_t grace)
{
	static sigset_t set;

	shutdown_line = shutdown_irq;
	grace_ns = grace;
	/* done before the jail closes: a jailed process may not call sigaction(2) */
	wanted_signals(&set);
	return os_worker_start("signals", signal_thread, &set);
}
