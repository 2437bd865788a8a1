/* SPDX-License-Identifier: MIT */
/*
 * mq_open(2), mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr: priorities, full
 * and empty, notification, rights.
 */
#include "t.h"
#include <mqueue.h>
#include <sys/epoll.h>

#define NOBODY 65534

static char name[64];

static void attr_say(const char *what, mqd_t q)
{
	struct mq_attr a;

	if (mq_getattr(q, &a))
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: flags %#lx maxmsg %ld msgsize %ld curmsgs %ld", what, a.mq_flags,
			a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs);
}

static mqd_t make(int flags, long maxmsg, long msgsize)
{
	struct mq_attr a = { .mq_maxmsg = maxmsg, .mq_msgsize = msgsize };

	return mq_open(name, O_CREAT | flags, 0640, &a);
}

static struct timespec in_ms(long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void get(mqd_t q)
{
	char buf[100];
	unsigned prio = 99;
	long n;

	errno = 0;
	n = mq_receive(q, buf, sizeof(buf), &prio);
	if (n < 0)
		say("mq_receive: %s", t_errno(errno));
	else
		say("mq_receive: \"%.*s\" %u", (int)n, buf, prio);
}

static void test_open(void)
{
	char longer[300];
	struct stat st;
	mqd_t q, r;

	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[299] = 0;
	T(mq_open(name, O_RDWR));
	T(mq_open(longer, O_RDWR | O_CREAT, 0600, NULL));
	T(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
	T(syscall(SYS_mq_open, "", O_RDWR | O_CREAT, 0600, NULL));
	T(syscall(SYS_mq_open, ".", O_RDWR | O_CREAT, 0600, NULL));
	T(syscall(SYS_mq_open, BAD, O_RDWR | O_CREAT, 0600, NULL));
	T(syscall(SYS_mq_open, name + 1, O_RDWR | O_CREAT, 0600, BAD));
	T(make(O_RDWR, 0, 10));
	T(make(O_RDWR, 10, 0));
	T(make(O_RDWR, -1, 10));
	T(make(O_RDWR, 10, 1 << 25));
	T(make(O_RDWR, 70000, 10));
	T(mq_unlink(name));
	T(mq_unlink(longer));
	q = NEED(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0666, NULL));
	attr_say("default", q);
	NEED(fstat(q, &st));
	say("%s %o %ld %ld", t_type(st.st_mode), st.st_mode & 07777, (long)st.st_size,
		(long)st.st_nlink);
	T(fcntl(q, F_GETFD));
	T(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
	T(mq_open(name, O_RDWR | O_WRONLY));
	r = NEED(mq_open(name, O_RDONLY | O_CREAT | O_NONBLOCK, 0600, NULL));
	attr_say("second", r);
	T(mq_send(r, "x", 1, 0));
	get(r);
	T(mq_receive(r, longer, 8191, NULL));
	T(mq_close(r));
	T(mq_close(r));
	T(mq_send(r, "x", 1, 0));
	r = NEED(open("/dev/null", O_RDWR));
	T(mq_send(r, "x", 1, 0));
	T(mq_receive(r, longer, 10, NULL));
	T(mq_notify(r, NULL));
	attr_say("no queue", r);
	CHILD({
		t_become(NOBODY, NOBODY);
		T(mq_open(name, O_RDWR));
		OK(mq_open(name, O_RDONLY));
		T(mq_unlink(name));
		struct rlimit none = { 0, 0 };

		NEED(setrlimit(RLIMIT_MSGQUEUE, &none));
		T(mq_open("/nestling-none", O_RDWR | O_CREAT, 0600, NULL));
	});
	T(mq_unlink(name));
	T(mq_unlink(name));
	T(mq_send(q, "still", 5, 3));
	attr_say("without a name", q);
	T(mq_close(q));
}

static void test_messages(void)
{
	mqd_t q = NEED(make(O_RDWR, 4, 20));
	struct timespec soon = in_ms(20), past = { 1, 0 }, bad = { 0, 1000000000 };
	struct mq_attr a = { .mq_flags = O_NONBLOCK, .mq_maxmsg = 99 }, old;
	char buf[100];
	long t;

	attr_say("small", q);
	T(mq_send(q, "one", 3, 1));
	T(mq_send(q, "five", 4, 5));
	T(mq_send(q, "one again", 9, 1));
	T(mq_send(q, "", 0, 0));
	attr_say("full", q);
	T(mq_timedsend(q, "x", 1, 0, &past));
	t = now_ms();
	T(mq_timedsend(q, "x", 1, 0, &soon));
	IS(now_ms() - t >= 15);
	T(mq_timedsend(q, "x", 1, 0, &bad));
	T(mq_timedsend(q, "x", 1, 0, BAD));
	T(mq_send(q, "123456789012345678901", 21, 0));
	T(mq_send(q, "x", 1, 32768));
	T(mq_send(q, BAD, 1, 0));
	T(mq_receive(q, buf, 19, NULL));
	T(mq_setattr(q, &a, &old));
	say("old flags %#lx", old.mq_flags);
	attr_say("nonblocking", q);
	T(fcntl(q, F_GETFL) & O_NONBLOCK);
	T(mq_send(q, "x", 1, 0));
	a.mq_flags = O_NONBLOCK | 1;
	T(mq_setattr(q, &a, NULL));
	for (int i = 0; i < 5; i++)
		get(q);
	a.mq_flags = 0;
	T(mq_setattr(q, &a, NULL));
	soon = in_ms(20);
	T(mq_timedreceive(q, buf, 100, NULL, &soon));
	T(mq_timedreceive(q, buf, 100, NULL, &past));
	T(mq_timedreceive(q, buf, 100, NULL, &bad));
	T(mq_send(q, "lost", 4, 0));
	T(mq_receive(q, BAD, 100, NULL));
	T(mq_send(q, "x", 1, 0));
	T(mq_timedreceive(q, buf, 100, NULL, &past)); /* there is one: no time is looked at */
	T(mq_unlink(name));
	T(mq_close(q));
}

static int told[2];

static void tell(int sig)
{
	NEED(write(told[1], &sig, 1));
}

static void test_wait(void)
{
	mqd_t q = NEED(make(O_RDWR, 1, 20));
	struct pollfd p = { .fd = q, .events = POLLIN | POLLOUT };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET }, got;
	int ep = NEED(epoll_create1(0));
	pid_t pid;
	char c;

	T(poll(&p, 1, 0));
	say("%#x", p.revents);
	T(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
	T(epoll_wait(ep, &got, 1, 0));
	pid = SPAWN(get(q));
	t_until(pid, 'S');
	NEED(mq_send(q, "for the child", 13, 2));
	t_wait("receiver", pid);
	T(epoll_wait(ep, &got, 1, 0));
	NEED(mq_send(q, "fills it", 8, 2));
	T(poll(&p, 1, 0));
	say("%#x", p.revents);
	T(epoll_wait(ep, &got, 1, 0));
	pid = SPAWN(NEED(mq_send(q, "waits", 5, 9)));
	t_until(pid, 'S');
	get(q);
	t_wait("sender", pid);
	get(q);
	pid = SPAWN({
		t_handle(SIGUSR1, 0);
		get(q);
	});
	t_until(pid, 'S');
	kill(pid, SIGUSR1);
	t_wait("interrupted", pid);
	NEED(pipe(told));
	pid = SPAWN({
		NEED(sigaction(SIGUSR1,
			&(struct sigaction){ .sa_handler = tell, .sa_flags = SA_RESTART }, NULL));
		get(q);
	});
	t_until(pid, 'S');
	kill(pid, SIGUSR1);
	NEED(read(told[0], &c, 1));
	t_until(pid, 'S');
	close(told[0]);
	close(told[1]);
	NEED(mq_send(q, "restarted", 9, 0));
	t_wait("restarted", pid);
	T(mq_unlink(name));
	close(ep);
	T(mq_close(q));
}

static const struct urgency {
	const char *name;
	int nice, fifo;
} crowd[] = { { "nice 5", 5, 0 }, { "nice 0", 0, 0 }, { "real time 3", 0, 3 },
	{ "nice 5 too", 5, 0 }, { "real time 7", 0, 7 }, { "real time 3 too", 0, 3 },
	{ "nice 9", 9, 0 } };
#define CROWD (int)(sizeof(crowd) / sizeof(crowd[0]))

static void wait_in_crowd(mqd_t q, const struct urgency *u, bool sends)
{
	struct sched_param sp = { .sched_priority = u->fifo };
	char buf[100];

	NEED(setpriority(PRIO_PROCESS, 0, u->nice));
	if (u->fifo)
		NEED(sched_setscheduler(0, SCHED_FIFO, &sp));
	if (sends)
		NEED(mq_send(q, u->name, strlen(u->name), 0));
	else
		NEED(mq_receive(q, buf, sizeof(buf), NULL));
}

/* Prints in which order waiting tasks are served: the highest priority comes first. */
static void test_crowd(bool sends)
{
	mqd_t q = NEED(make(O_RDWR, 1, 20));
	pid_t pid[CROWD], done;

	if (sends)
		NEED(mq_send(q, "full", 4, 0));
	for (int i = 0; i < CROWD; i++) {
		pid[i] = SPAWN(wait_in_crowd(q, &crowd[i], sends));
		t_until(pid[i], 'S');
	}
	for (int n = 0; n < CROWD; n++) {
		if (sends)
			get(q);
		else
			NEED(mq_send(q, "one", 3, 0));
		done = NEED(wait(NULL));
		for (int i = 0; i < CROWD; i++)
			if (pid[i] == done)
				say("%s %s", crowd[i].name, sends ? "has sent" : "has received");
	}
	NEED(mq_unlink(name));
	NEED(mq_close(q));
}

static siginfo_t seen;

static void on_message(int sig, siginfo_t *info, void *ctx)
{
	seen = *info;
}

static pthread_barrier_t barrier;

static void on_thread(union sigval v)
{
	say("thread: %d", v.sival_int);
	pthread_barrier_wait(&barrier);
}

static void test_notify(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	struct sigaction sa = { .sa_sigaction = on_message, .sa_flags = SA_SIGINFO };
	mqd_t q = NEED(make(O_RDWR, 4, 20)), again;
	pid_t pid;

	NEED(sigaction(SIGUSR2, &sa, NULL));
	ev.sigev_value.sival_int = 77;
	T(mq_notify(q, &ev));
	T(mq_notify(q, &ev));
	CHILD(T(mq_notify(q, &ev)));
	CHILD(T(mq_notify(q, NULL)));
	pid = SPAWN(NEED(mq_send(q, "hello", 5, 0)));
	t_wait("sender", pid);
	say("%d %d %d %d", seen.si_signo, seen.si_code, seen.si_pid == pid,
		seen.si_value.sival_int);
	memset(&seen, 0, sizeof(seen));
	T(mq_send(q, "not empty", 9, 0));
	T(mq_notify(q, &ev)); /* not told of a queued message */
	T(mq_send(q, "not empty", 9, 0));
	say("%d", seen.si_signo);
	get(q);
	get(q);
	get(q);
	pid = SPAWN(get(q)); /* the waiting task comes first */
	t_until(pid, 'S');
	NEED(mq_send(q, "taken", 5, 0));
	t_wait("receiver", pid);
	say("%d", seen.si_signo);
	T(mq_send(q, "told", 4, 0));
	say("%d", seen.si_signo);
	get(q);
	T(mq_notify(q, &ev));
	T(mq_notify(q, NULL));
	T(mq_notify(q, NULL));
	again = NEED(mq_open(name, O_RDWR));
	T(mq_notify(q, &ev));
	T(mq_close(again)); /* any close of the process ends it */
	T(mq_notify(q, &ev));
	ev.sigev_notify = SIGEV_NONE;
	T(mq_notify(q, &ev));
	T(mq_notify(q, NULL));
	T(mq_notify(q, &ev));
	T(mq_notify(q, NULL));
	ev.sigev_notify = 99;
	T(mq_notify(q, &ev));
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	T(mq_notify(q, &ev));
	T(syscall(SYS_mq_notify, q, BAD));
	T(mq_notify(-1, NULL));
	ev = (struct sigevent){ .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread };
	ev.sigev_value.sival_int = 42;
	pthread_barrier_init(&barrier, NULL, 2);
	T(mq_notify(q, &ev));
	NEED(mq_send(q, "to a thread", 11, 0));
	pthread_barrier_wait(&barrier);
	get(q);
	T(mq_unlink(name));
	T(mq_close(q));
}

TEST(mq)
{
	snprintf(name, sizeof(name), "/nestling-%d", getpid());
	test_open();
	test_messages();
	test_wait();
	test_crowd(false);
	test_crowd(true);
	test_notify();
}
