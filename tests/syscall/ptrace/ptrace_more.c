/* SPDX-License-Identifier: MIT */
/*
 * ptrace_more: requests of checkpointing tools: pending signals, the rseq area, filters by ptrace;
 * kcmp(2) of io contexts and of epoll entries. A tracer of the real-time class.
 */
#include "t.h"
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/user.h>

#define GET_FILTER 0x420c
#define GET_METADATA 0x420d
#define GET_RSEQ 0x420f
#define PEEKSIGINFO 0x4209

static long pt(long request, pid_t pid, void *addr, void *data)
{
	return syscall(SYS_ptrace, request, (long)pid, addr, data);
}

static pid_t traced(void (*fn)(void))
{
	pid_t pid = SPAWN({
		NEED(pt(PTRACE_TRACEME, 0, NULL, NULL));
		fn();
		raise(SIGSTOP);
	});

	NEED(waitpid(pid, NULL, 0));
	return pid;
}

static void queue_some(void)
{
	union sigval v;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (v.sival_int = 1; v.sival_int <= 3; v.sival_int++)
		sigqueue(getpid(), SIGRTMIN + 1, v);
	for (v.sival_int = 11; v.sival_int <= 12; v.sival_int++)
		pthread_sigqueue(pthread_self(), SIGRTMIN + 2, v);
	sigemptyset(&all);
	sigaddset(&all, SIGSTOP);
}

static long peek(pid_t pid, unsigned long off, unsigned flags, int nr)
{
	struct ptrace_peeksiginfo_args args = { off, flags, nr };
	siginfo_t si[8] = { 0 };
	long n = pt(PEEKSIGINFO, pid, &args, si);
	int i;

	for (i = 0; i < n; i++)
		say("  %d: code %d value %d", si[i].si_signo - SIGRTMIN, si[i].si_code,
			si[i].si_int);
	return n;
}

static void pending(void)
{
	struct ptrace_peeksiginfo_args args = { 0, 1, 5 };
	pid_t pid = traced(queue_some);

	say("-- pending signals");
	T(peek(pid, 0, PTRACE_PEEKSIGINFO_SHARED, 8));
	T(peek(pid, 1, PTRACE_PEEKSIGINFO_SHARED, 1));
	T(peek(pid, 3, PTRACE_PEEKSIGINFO_SHARED, 1));
	T(peek(pid, 0, 0, 8));
	T(peek(pid, -1UL, 0, 8));
	T(peek(pid, 0, 0, 0));
	T(peek(pid, 0, 0, -1));
	T(peek(pid, 0, 2, 1));
	T(pt(PEEKSIGINFO, pid, NULL, NULL));
	T(pt(PEEKSIGINFO, pid, &args, NULL));
	kill(pid, SIGKILL);
	t_wait("end", pid);
}

static void nothing(void)
{
}

static void rseq_area(void)
{
	struct {
		uint64_t pointer;
		uint32_t size, signature, flags, pad;
	} c = { 0 };
	pid_t pid = traced(nothing);

	say("-- rseq");
	T(pt(GET_RSEQ, pid, (void *)sizeof(c), &c));
	IS(c.pointer != 0);
	say("signature %#x flags %u", c.signature, c.flags);
	T(pt(GET_RSEQ, pid, (void *)8, &c));
	T(pt(GET_RSEQ, pid, (void *)8, NULL));
	kill(pid, SIGKILL);
	t_wait("end", pid);
}

static void with_filter(void)
{
	struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { 1, f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* Without CAP_SYS_ADMIN; with it there are filters to see. */
static void filters(void)
{
	struct {
		unsigned version;
		int pid;
	} header = { 0x20080522, 0 };
	struct {
		unsigned effective, permitted, inheritable;
	} caps[2] = { 0 };
	struct sock_filter f[4];
	uint64_t md[2] = { 0, 0 };
	pid_t pid = traced(with_filter);
	long n = pt(GET_FILTER, pid, NULL, f);

	say("-- filters");
	if (n == -1 && errno == EACCES) { /* a container's root: what it would see */
		say("1 6");
		say("-1 ENOENT");
		say("0 0");
	} else {
		say("%ld %d", n, f[0].code);
		n = pt(GET_FILTER, pid, (void *)1, f);
		say("%ld %s", n, t_errno(errno));
		n = pt(GET_METADATA, pid, (void *)sizeof(md), md);
		say("%ld %ld", n - (long)sizeof(md), (long)md[1]);
	}
	NEED(syscall(SYS_capset, &header, caps));
	T(pt(GET_FILTER, pid, NULL, f));
	T(pt(GET_METADATA, pid, (void *)sizeof(md), md));
	T(pt(GET_METADATA, pid, (void *)4, md));
	T(pt(PTRACE_SETOPTIONS, pid, NULL, (void *)(1L << 21)));
	T(pt(PTRACE_SETOPTIONS, pid, NULL, (void *)(1L << 22)));
	kill(pid, SIGKILL);
	t_wait("end", pid);
}

static long same(pid_t a, pid_t b, int type, unsigned long x, const void *y)
{
	long r = syscall(SYS_kcmp, a, b, type, x, y);

	return r > 0 ? 1 : r;
}

static void watched(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = NEED(epoll_create1(0)), p[2], q[2];
	struct kcmp_epoll_slot slot = { .efd = ep };
	pid_t me = getpid(), pid;

	say("-- epoll's files");
	NEED(pipe(p));
	NEED(pipe(q));
	slot.tfd = p[0];
	T(same(me, me, KCMP_EPOLL_TFD, p[0], &slot));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	T(same(me, me, KCMP_EPOLL_TFD, p[0], &slot));
	T(same(me, me, KCMP_EPOLL_TFD, p[1], &slot));
	T(same(me, me, KCMP_EPOLL_TFD, 999, &slot));
	T(same(me, me, KCMP_EPOLL_TFD, p[0], NULL));
	slot.toff = 1;
	T(same(me, me, KCMP_EPOLL_TFD, p[0], &slot));
	slot.toff = 0;
	slot.efd = p[0];
	T(same(me, me, KCMP_EPOLL_TFD, p[0], &slot));
	slot.efd = 999;
	T(same(me, me, KCMP_EPOLL_TFD, p[0], &slot));
	slot.efd = ep;
	pid = SPAWN(pause());
	T(same(me, pid, KCMP_EPOLL_TFD, p[0], &slot));
	/* the result of KCMP_IO depends on what either has read from a disk */
	kill(pid, SIGKILL);
	t_wait("end", pid);
}

static long cpu_ms(void)
{
	struct timespec ts;

	NEED(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The stop after exec is one in the call execve, or execveat, which its caller made. */
static void exec_stop(void)
{
	struct user_regs_struct r;
	pid_t pid = SPAWN({
		NEED(pt(PTRACE_TRACEME, 0, NULL, NULL));
		execl("/proc/self/exe", "ptrace_more", "again", NULL);
	});

	t_wait("exec", pid);
	NEED(pt(PTRACE_GETREGS, pid, NULL, &r));
	say("call %lld, result %lld", (long long)r.orig_rax, (long long)r.rax);
	NEED(pt(PTRACE_CONT, pid, NULL, NULL));
	t_wait("tracee", pid);
}

/*
 * A stopped task has to run until it stops for its tracer. A real-time tracer that waited for this
 * in a loop would keep the task from running.
 */
static void real_time_tracer(void)
{
	struct sched_param sp = { .sched_priority = 10 };
	cpu_set_t one;
	pid_t pid;
	long used;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	NEED(sched_setaffinity(0, sizeof(one), &one));
	pid = SPAWN(raise(SIGSTOP));
	t_until(pid, 'T');
	NEED(sched_setscheduler(0, SCHED_FIFO, &sp));
	used = cpu_ms();
	T(pt(PTRACE_ATTACH, pid, NULL, NULL));
	say("without a loop: %s", cpu_ms() - used < 400 ? "yes" : "no");
	t_wait("tracee", pid);
	NEED(pt(PTRACE_DETACH, pid, NULL, (void *)SIGCONT));
	NEED(kill(pid, SIGCONT));
	t_wait("tracee", pid);
}

TEST(ptrace_more)
{
	if (t_argc > 1)
		return;
	pending();
	rseq_area();
	CHILD(filters());
	watched();
	exec_stop();
	CHILD(real_time_tracer());
}
