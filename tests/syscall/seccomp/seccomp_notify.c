/* SPDX-License-Identifier: MIT */
/*
 * seccomp_notify: filters that ask another process (seccomp_unotify(2)): the listener, its
 * requests, what the task gets, and the end of either process.
 */
#include "t.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* the process whose "pid" it is: kill(MAGIC + i, 0) is what the filter asks about */
#define MAGIC 0xf00
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)
#define ADD_SETFD 1
#define ADD_SEND 2

struct addfd {
	uint64_t id;
	uint32_t flags, srcfd, newfd, newfd_flags;
};
#define ADDFD SECCOMP_IOW(3, struct addfd)
/* the direction in the number does not matter */
#define ADDFD_BOTH SECCOMP_IOWR(3, struct addfd)
#define KILLABLE 32

static long install(unsigned flags, unsigned nr)
{
	struct sock_filter f[] = { LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		RET(SECCOMP_RET_USER_NOTIF), RET(SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { sizeof(f) / sizeof(f[0]), f };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static long ask(long value)
{
	return syscall(SYS_getppid, value);
}

/*
 * Starts a child that shares our descriptors, installs the filter and runs @fn. Sets listener and
 * asking.
 */
static int listener;
static pid_t asking;
static pid_t asker(void (*fn)(void), unsigned flags)
{
	struct shared {
		volatile int fd;
	} *sh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	sh->fd = -2;
	pid = (pid_t)NEED(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		sh->fd = listener =
			(int)install(SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, SYS_getppid);
		fn();
		_exit(0);
	}
	T_WAIT(sh->fd != -2);
	listener = sh->fd;
	asking = pid;
	munmap(sh, PAGE);
	NEED(listener);
	return pid;
}

static struct seccomp_notif receive(void)
{
	struct seccomp_notif n = { 0 };

	T(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n));
	say("nr %d arch %#x arg %d flags %u", n.data.nr, n.data.arch, (int)n.data.args[0], n.flags);
	return n;
}

/* Lets the requester print before this process goes on. */
static long settled(long r)
{
	struct pollfd p = { listener, POLLIN, 0 };
	int err = errno;

	while (!r && t_state(asking) != 'Z' && poll(&p, 1, 1) == 0)
		;
	errno = err;
	return r;
}

static int send_reply(uint64_t id, int64_t val, int error, unsigned flags)
{
	struct seccomp_notif_resp r = { .id = id, .val = val, .error = error, .flags = flags };

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static long reply(uint64_t id, int64_t val, int error, unsigned flags)
{
	return settled(send_reply(id, val, error, flags));
}

static int events(void)
{
	struct pollfd p = { listener, POLLIN | POLLOUT, 0 };

	NEED(poll(&p, 1, 0));
	return p.revents;
}

static void answers(void)
{
	T(ask(1));
	T(ask(2));
	T(ask(3));
	IS(ask(3) == -1 && errno == 512);
	IS(ask(4) > 0);
}

static void simple(void)
{
	struct seccomp_notif n, bad = { .pid = 1 };
	pid_t pid = asker(answers, 0);
	int fds;

	say("-- answers");
	IS(fcntl(listener, F_GETFD) == FD_CLOEXEC);
	IS((fcntl(listener, F_GETFL) & O_ACCMODE) == O_RDWR);
	n = receive();
	IS(n.pid == (unsigned)pid);
	say("events %#x", events());
	T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
	T(reply(n.id + 1, 0, 0, 0));
	T(reply(n.id, 0, 0, 4));
	T(reply(n.id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	T(reply(n.id, 0, -1, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	T(reply(n.id, 4711, 0, 0));
	T(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &bad));
	T(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, NULL));
	T(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, NULL));
	T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, NULL));
	T(ioctl(listener, FIONREAD, &fds));
	T(ioctl(listener, SECCOMP_IOW(9, int), &fds));
	n = receive();
	T(reply(n.id, 4711, -EXDEV, 0));
	n = receive();
	T(reply(n.id, -7, 0, 0));
	n = receive();
	/* ERESTARTSYS, and no signal: the bare number */
	T(reply(n.id, 0, -512, 0));
	n = receive();
	T(reply(n.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	t_wait("asker", pid);
	say("events %#x", events());
	T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
	close(listener);
}

static void one(void)
{
	say("got %ld", ask(5));
}

static void descriptors(void)
{
	pid_t pid = asker(one, 0);
	struct seccomp_notif n = receive();
	struct addfd a = { .id = n.id, .srcfd = 1 };
	long fd;

	say("-- descriptors");
	a.newfd = 100;
	T(ioctl(listener, ADDFD, &a));
	a.flags = ADD_SETFD;
	T(ioctl(listener, ADDFD, &a));
	IS(fcntl(100, F_GETFD) == 0); /* the tables are one */
	a.newfd = 101;
	a.newfd_flags = O_CLOEXEC;
	T(ioctl(listener, ADDFD, &a));
	IS(fcntl(101, F_GETFD) == FD_CLOEXEC);
	a.newfd_flags = O_NONBLOCK;
	T(ioctl(listener, ADDFD, &a));
	a.newfd_flags = 0;
	a.newfd = 1 << 30;
	T(ioctl(listener, ADDFD, &a));
	a.newfd = 0;
	a.flags = 8;
	T(ioctl(listener, ADDFD, &a));
	a.flags = 0;
	a.srcfd = 999;
	T(ioctl(listener, ADDFD, &a));
	a.srcfd = 1;
	a.id++;
	T(ioctl(listener, ADDFD, &a));
	a.id--;
	T(ioctl(listener, SECCOMP_IOW(3, char[16]), &a));
	T(ioctl(listener, SECCOMP_IOW(3, char[8000]), &a));
	T(ioctl(listener, ADDFD, NULL));
	a.flags = 8;
	T(ioctl(listener, ADDFD_BOTH, &a));
	a.flags = 0;
	fd = ioctl(listener, ADDFD, &a);
	IS(fd > 2 && fd < 100);
	close((int)fd);
	a.flags = ADD_SEND | ADD_SETFD;
	a.newfd = 55;
	fd = ioctl(listener, ADDFD, &a);
	settled(0);
	IS(fd == 55);
	T(reply(n.id, 1, 0, 0) == -1);
	t_wait("asker", pid);
	close(55);
	close(100);
	close(101);
	close(listener);
}

static void on_usr1(int sig)
{
	say("handler");
}

static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_usr1 };

	sigaction(SIGUSR1, &sa, NULL);
	T(ask(6));
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &sa, NULL);
	T(ask(7));
}

/* A signal takes the call back: its id is no longer valid. With SA_RESTART it comes again. */
static void signals(void)
{
	pid_t pid = asker(interrupted, 0);
	struct seccomp_notif n = receive();
	uint64_t id;

	say("-- signals");
	t_until(pid, 'S');
	kill(pid, SIGUSR1);
	T_WAIT(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id) != 0);
	id = n.id;
	n = receive();
	T(reply(id, 1, 0, 0));
	t_until(pid, 'S');
	kill(pid, SIGUSR1);
	n = receive();
	T(reply(n.id, 8, 0, 0));
	t_wait("asker", pid);
	close(listener);
}

static int gate[2];

static void open_gate(int sig)
{
	say("handler of the listener");
	if (write(gate[1], "x", 1) != 1)
		_exit(1);
}

static void behind_gate(void)
{
	char c;

	NEED(read(gate[0], &c, 1));
	T(ask(15));
}

/*
 * A signal for the listener: it is asked again only where its handler wants that; a note that comes
 * meanwhile waits.
 */
static void listener_signals(int flags)
{
	struct sigaction sa = { .sa_handler = open_gate, .sa_flags = flags };
	struct seccomp_notif n;
	pid_t pid;

	say("-- a signal for the listener, flags %#x", flags);
	NEED(pipe(gate));
	NEED(sigaction(SIGALRM, &sa, NULL));
	pid = asker(behind_gate, 0);
	t_alarm_asleep();
	n = receive();
	if (!n.id)
		n = receive();
	T(reply(n.id, 16, 0, 0));
	t_wait("asker", pid);
	NEED(wait(NULL));
	NEED(signal(SIGALRM, SIG_DFL) == SIG_ERR ? -1 : 0);
	close(listener);
	close(gate[0]);
	close(gate[1]);
}

static void killable(void)
{
	pid_t pid;
	struct seccomp_notif n;

	say("-- a wait that only death ends");
	pid = asker(interrupted, KILLABLE);
	n = receive();
	kill(pid, SIGUSR1);
	t_until(pid, 'D');
	T(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
	T(reply(n.id, 9, 0, 0));
	n = receive();
	kill(pid, SIGKILL);
	t_wait("asker", pid);
	T(reply(n.id, 9, 0, 0));
	say("events %#x", events());
	close(listener);
}

static void hang_on(void)
{
	T_WAIT(fcntl(listener, F_GETFD) == -1); /* the descriptors are shared */
	T(ask(10));
}

static void two(void)
{
	T(ask(11));
	T(ask(12));
}

static void listener_gone(void)
{
	struct seccomp_notif n;
	pid_t pid;

	say("-- the listener goes");
	pid = asker(two, 0);
	n = receive();
	(void)n;
	close(listener);
	t_wait("asker", pid);
	pid = asker(hang_on, 0);
	close(listener);
	t_wait("asker", pid);
}

static void nested(void)
{
	T(install(SECCOMP_FILTER_FLAG_NEW_LISTENER, SYS_getuid));
	T(install(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC, SYS_getuid));
	T(install(KILLABLE, SYS_getuid));
	T(install(0, SYS_getuid));
	T(syscall(SYS_getuid));
	CHILD(T(ask(13)));
}

static void chains(void)
{
	struct seccomp_notif_sizes sizes;
	unsigned action = SECCOMP_RET_USER_NOTIF;
	pid_t pid = asker(nested, 0);
	struct seccomp_notif n = receive();
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	int ep = NEED(epoll_create1(0));

	say("-- chains, forks, the rest");
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev));
	T(epoll_wait(ep, &ev, 1, 0));
	say("events %#x", ev.events);
	IS(n.pid != (unsigned)pid);
	T(reply(n.id, 14, 0, 0));
	t_wait("asker", pid);
	T(epoll_wait(ep, &ev, 1, 100000));
	say("events %#x", ev.events);
	close(listener);
	close(ep);
	T(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
	say("%d %d %d", sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data);
	T(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 1, &sizes));
	T(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, NULL));
	T(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

TEST(seccomp_notify)
{
	simple();
	descriptors();
	signals();
	listener_signals(0);
	listener_signals(SA_RESTART);
	killable();
	listener_gone();
	chains();
}
