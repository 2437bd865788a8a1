/* SPDX-License-Identifier: MIT */
/*
 * sender_ids: ids of a sender in another user namespace, as the receiver sees them: by kill and
 * similar calls, of a child, of a message queue.
 */
#include "userns.h"
#include <mqueue.h>

#define BASE 5000

static int done[2]; /* a byte for each signal that was told */
static int go[2];   /* the child that is told to stop */
static pid_t outside;
static mqd_t queue;

static void tell(const char *who, const sigset_t *set)
{
	struct timespec limit = { 100, 0 };
	siginfo_t si = { 0 };

	NEED(sigtimedwait(set, &si, &limit));
	say("%s: %s code %d uid %d", who, t_signame(si.si_signo), si.si_code, (int)si.si_uid);
}

static void block(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGCHLD);
	NEED(sigprocmask(SIG_BLOCK, set, NULL));
}

static void want_message(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };

	NEED(mq_notify(queue, &ev));
}

static void tell_done(const char *who, int n)
{
	sigset_t set;

	block(&set);
	want_message();
	NEED(write(done[1], "x", 1));
	while (n--) {
		tell(who, &set);
		NEED(write(done[1], "x", 1));
	}
}

static void wait_done(void)
{
	char c;

	NEED(read(done[0], &c, 1));
}

#define SIGNALS 6

static void send_all(pid_t to)
{
	siginfo_t si = { .si_code = -10 };
	char buf[100];

	wait_done();
	NEED(kill(to, SIGUSR1));
	wait_done();
	NEED(sigqueue(to, SIGUSR1, (union sigval){ 0 }));
	wait_done();
	NEED(syscall(SYS_tgkill, to, to, SIGUSR1));
	wait_done();
	si.si_uid = getuid();
	si.si_pid = getpid();
	NEED(syscall(SYS_rt_sigqueueinfo, to, SIGUSR1, &si));
	wait_done();
	si.si_uid = 77;
	NEED(syscall(SYS_rt_sigqueueinfo, to, SIGUSR1, &si));
	wait_done();
	NEED(mq_send(queue, "x", 1, 0));
	wait_done();
	NEED(mq_receive(queue, buf, sizeof(buf), NULL));
}

static void from_inside(void)
{
	char c;

	send_all(outside);
	NEED(read(go[0], &c, 1));
	raise(SIGSTOP);
	_exit(3);
}

static void as_user(void)
{
	t_become(BASE, BASE);
}

static void outwards(void)
{
	sigset_t set;
	pid_t pid;

	block(&set);
	outside = SPAWN({
		as_user();
		tell_done("outside", SIGNALS);
	});
	pid = userns_spawn(0, BASE, 10, from_inside);
	t_wait("outside", outside);
	NEED(sigwaitinfo(&set, NULL)); /* SIGCHLD for its end */
	NEED(write(go[1], "x", 1));
	NEED(sigwaitinfo(&set, NULL)); /* of the other's stop */
	NEED(kill(pid, SIGCONT));
	tell("parent", &set);
	t_wait("inside", pid);
}

static void to_inside(void)
{
	tell_done("inside", SIGNALS);
}

static void inwards(void)
{
	pid_t pid = userns_spawn(0, BASE, 10, to_inside);

	CHILD({
		as_user();
		send_all(pid);
	});
	t_wait("inside", pid);
	pid = userns_spawn(0, BASE, 10, to_inside);
	send_all(pid);
	t_wait("inside", pid);
}

TEST(sender_ids)
{
	struct mq_attr a = { .mq_maxmsg = 2, .mq_msgsize = 20 };
	char name[64];

	snprintf(name, sizeof(name), "/nestling-ids-%d", getpid());
	queue = NEED(mq_open(name, O_CREAT | O_RDWR, 0600, &a));
	NEED(mq_unlink(name));
	NEED(pipe(done));
	NEED(pipe(go));
	outwards();
	inwards();
}
