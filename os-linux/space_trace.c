/* SPDX-License-Identifier: MIT */
/*
 * space_trace.c: runners under ptrace; os_space.h describes the interface.
 *
 * The tracer is the vCPU's own thread. No host has a wait for a stop with a timeout, so a timer
 * sends the thread a signal with an empty handler: at the deadline and then every ten milliseconds,
 * since the first may come just before the wait. The signal is unblocked around the wait only.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/os_space.h"
#include "os-linux/space_internal.h"

/* by default gdb passes this signal on without a stop */
#define ALARM_SIGNAL SIGVTALRM
#define ALARM_PERIOD 10000000
#define REQUEST_SYSEMU 31 /* PTRACE_SYSEMU: in no UAPI header */
#define REQUEST_GETREGS 12
#define REQUEST_SETREGS 13
#define REQUEST_GETFPREGS 14
#define REQUEST_SETFPREGS 15
#define FX_SIZE 512
#define XSTATE_ROOM 16384 /* with AMX it is 11,008 */

_Static_assert(sizeof(struct os_trace_regs) == 27 * 8, "user_regs_struct");

static __thread struct {
	bool made;
	timer_t timer;
	uint64_t armed; /* the timer's deadline, 0: none */
} alarm_clock;

/* Calls ptrace(2) directly: libc's function is variadic and returns peeked words. */
static long trace(long request, int task, void *addr, void *data)
{
	return syscall(SYS_ptrace, request, (long)os_space_pid(task), addr, data) < 0 ? -errno : 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

static int alarm_make(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_ONSTACK };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = ALARM_SIGNAL };

	ev._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (sigaction(ALARM_SIGNAL, &sa, NULL) ||
		timer_create(CLOCK_MONOTONIC, &ev, &alarm_clock.timer))
		return os_refused("timer_create", errno);
	alarm_clock.made = true;
	return 0;
}

static void alarm_set(uint64_t deadline)
{
	uint64_t at = os_host_deadline(deadline);
	struct itimerspec it = {
		.it_interval = { 0, ALARM_PERIOD },
		.it_value = { (time_t)(at / 1000000000), (long)(at % 1000000000) },
	};

	if (alarm_clock.armed == deadline)
		return;
	if (deadline == OS_FOREVER)
		it = (struct itimerspec){ 0 };
	else if (!at)
		it.it_value.tv_nsec = 1;
	timer_settime(alarm_clock.timer, TIMER_ABSTIME, &it, NULL);
	alarm_clock.armed = deadline;
}

static pid_t wait_interruptible(pid_t pid, int *status)
{
	sigset_t set;
	pid_t r;

	sigemptyset(&set);
	sigaddset(&set, ALARM_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	r = waitpid(pid, status, __WALL);
	if (r < 0)
		r = -errno;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return r;
}

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/*
 * Handles a stop of the whole process group: the runner stays stopped until SIGCONT, which arrives
 * as another event.
 */
static void group_stop(int task, int sig)
{
	if (is_stop_signal(sig))
		trace(PTRACE_LISTEN, task, NULL, NULL);
	else
		trace(REQUEST_SYSEMU, task, NULL, NULL);
}

int os_trace_wait(int task, uint64_t deadline, int *signo)
{
	int status = 0;
	pid_t r;

	alarm_set(deadline);
	for (;;) {
		r = wait_interruptible(os_space_pid(task), &status);
		if (r == -EINTR) {
			if (os_clock_mono() >= deadline)
				return OS_TRACE_TIMEOUT;
			continue;
		}
		if (r < 0 || !WIFSTOPPED(status))
			return OS_TRACE_DEAD;
		if (status >> 16 == PTRACE_EVENT_STOP) {
			group_stop(task, WSTOPSIG(status));
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			return OS_TRACE_SYSCALL;
		*signo = WSTOPSIG(status);
		return OS_TRACE_SIGNAL;
	}
}

int os_trace_run(int task, int signo, uint64_t deadline, int *stop_signo)
{
	if (trace(REQUEST_SYSEMU, task, NULL, (void *)(long)signo))
		return OS_TRACE_DEAD;
	return os_trace_wait(task, deadline, stop_signo);
}

/* Interrupts the runner's futex call, and waits until the runner is about to repeat it. */
int os_trace_seize(int task)
{
	int status, signo, err;

	err = alarm_clock.made ? 0 : alarm_make();
	if (err)
		return err;
	err = (int)trace(
		PTRACE_SEIZE, task, NULL, (void *)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
	if (err)
		return os_refused("ptrace", -err);
	os_space_set_traced(task);
	err = (int)trace(PTRACE_INTERRUPT, task, NULL, NULL);
	if (err)
		return os_refused("ptrace", -err);
	while (waitpid(os_space_pid(task), &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFSTOPPED(status))
		return -ESRCH;
	return os_trace_run(task, 0, OS_FOREVER, &signo) == OS_TRACE_SYSCALL ? 0 : -EPROTO;
}

int os_trace_get_regs(int task, struct os_trace_regs *regs)
{
	return (int)trace(REQUEST_GETREGS, task, NULL, regs);
}

int os_trace_set_regs(int task, const struct os_trace_regs *regs)
{
	return (int)trace(REQUEST_SETREGS, task, NULL, (void *)regs);
}

/*
 * Hosts before Linux 5.3 do not report the architecture. There each call counts as a 64-bit call,
 * whose number is checked like any other.
 */
uint32_t os_trace_arch(int task)
{
	struct ptrace_syscall_info info = { 0 };
	long n = syscall(
		SYS_ptrace, PTRACE_GET_SYSCALL_INFO, (long)os_space_pid(task), sizeof(info), &info);

	return n > (long)offsetof(struct ptrace_syscall_info, arch) ? info.arch : AUDIT_ARCH_X86_64;
}

int os_trace_get_xstate(int task, void *area, uint32_t size)
{
	struct iovec iov = { area, size };

	if (size == FX_SIZE)
		return (int)trace(REQUEST_GETFPREGS, task, NULL, area);
	return (int)trace(PTRACE_GETREGSET, task, (void *)NT_X86_XSTATE, &iov);
}

/* bytes of state that the host uses; 0: not known yet */
static _Atomic uint32_t xstate_whole;

/*
 * Sets the state. The host accepts only its whole area, which includes state that a program has to
 * request (AMX's tiles). That part gets its initial content.
 */
int os_trace_set_xstate(int task, const void *area, uint32_t size)
{
	uint8_t whole[XSTATE_ROOM] __attribute__((aligned(64)));
	struct iovec iov = { whole, sizeof(whole) };

	if (size == FX_SIZE)
		return (int)trace(REQUEST_SETFPREGS, task, NULL, (void *)area);
	if (!xstate_whole) {
		int err = (int)trace(PTRACE_GETREGSET, task, (void *)NT_X86_XSTATE, &iov);

		if (err)
			return err;
		xstate_whole = (uint32_t)iov.iov_len;
	}
	iov = (struct iovec){ (void *)area, size };
	if (size < xstate_whole) {
		memcpy(whole, area, size);
		memset(whole + size, 0, xstate_whole - size);
		iov = (struct iovec){ whole, xstate_whole };
	}
	return (int)trace(PTRACE_SETREGSET, task, (void *)NT_X86_XSTATE, &iov);
}
