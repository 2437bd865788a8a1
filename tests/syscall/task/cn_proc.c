/* SPDX-License-Identifier: MIT */
/*
 * cn_proc: netlink's connector reports events of processes: forks, threads, execs, names, users,
 * sessions, tracers, dumps and exits, filtered by kind, and none.
 */
#include "t.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NONZERO_EXIT 0x20000000U

struct packet {
	struct nlmsghdr head;
	struct cn_msg cn;
	union {
		struct proc_event ev;
		unsigned arg[2];
	};
} __attribute__((packed));

static int listener(unsigned groups)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = groups };
	struct timeval patience = { .tv_sec = 60 };
	int fd = NEED(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR));

	NEED(bind(fd, (void *)&a, sizeof(a)));
	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	return fd;
}

/* Sends a request whose length says @n words, which may be wrong. */
static int ask(int fd, unsigned op, unsigned events, unsigned n, unsigned seq)
{
	struct packet p = { .cn = { .id = { CN_IDX_PROC, CN_VAL_PROC },
				    .seq = seq,
				    .ack = 77,
				    .len = (__u16)(4 * n) } };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	p.arg[0] = op;
	p.arg[1] = events;
	p.head.nlmsg_len = (unsigned)(sizeof(p.head) + sizeof(p.cn) + 4 * n);
	p.head.nlmsg_type = NLMSG_DONE;
	return (int)sendto(fd, &p, p.head.nlmsg_len, 0, (void *)&kernel, sizeof(kernel));
}

/* Prints the next answer, passing over events. */
static void answer(int fd)
{
	struct packet p;

	for (;;) {
		int n = (int)NEED(recv(fd, &p, sizeof(p), 0));

		if (n == (int)sizeof(p) && p.ev.what == PROC_EVENT_NONE)
			break;
	}
	say("answer: error %u, ack %u, of %u bytes, type %u, flags %u, port %u",
		p.ev.event_data.ack.err, p.cn.ack, p.cn.len, p.head.nlmsg_type, p.head.nlmsg_flags,
		p.head.nlmsg_pid);
}

static const char *who(int pid, int child)
{
	return pid == child ? "child" : pid == getpid() ? "we" : pid == 0 ? "nobody" : "another";
}

/*
 * Prints what the listener hears of the child until its end. The ends of its @threads may be heard
 * at any time, and are printed last.
 */
static void hear(int fd, int child, int threads)
{
	char text[200], ends[200] = "", thread_ends[200] = "";
	struct packet p;

	for (bool ended = false; !ended || threads > 0;) {
		int n = (int)NEED(recv(fd, &p, sizeof(p), 0)), pid, tgid;

		if (n != (int)sizeof(p))
			continue;
		pid = p.ev.event_data.exec.process_pid;
		tgid = p.ev.event_data.exec.process_tgid;
		switch (p.ev.what) {
		case PROC_EVENT_FORK:
			if (p.ev.event_data.fork.child_tgid == child)
				say("fork of a %s by %s",
					p.ev.event_data.fork.child_pid == child ? "process" :
										  "thread",
					who(p.ev.event_data.fork.parent_tgid, child));
			break;
		case PROC_EVENT_EXEC:
			if (tgid == child)
				say("exec");
			break;
		case PROC_EVENT_UID:
		case PROC_EVENT_GID:
			if (tgid == child)
				say("%s %u, %u", p.ev.what == PROC_EVENT_UID ? "uid" : "gid",
					p.ev.event_data.id.r.ruid, p.ev.event_data.id.e.euid);
			break;
		case PROC_EVENT_SID:
			if (tgid == child)
				say("sid of %s", who(pid, child));
			break;
		case PROC_EVENT_PTRACE:
			if (tgid == child)
				say("ptrace by %s", who(p.ev.event_data.ptrace.tracer_tgid, child));
			break;
		case PROC_EVENT_COMM:
			if (tgid == child)
				say("comm '%.16s'", p.ev.event_data.comm.comm);
			break;
		case PROC_EVENT_COREDUMP:
			if (tgid == child)
				say("coredump, child of %s",
					who(p.ev.event_data.coredump.parent_tgid, child));
			break;
		case PROC_EVENT_EXIT:
			if (tgid != child)
				break;
			snprintf(text, sizeof(text), "exit of a %s: %#x, signal %d, child of %s",
				pid == child ? "process" : "thread", p.ev.event_data.exit.exit_code,
				(int)p.ev.event_data.exit.exit_signal,
				who(p.ev.event_data.exit.parent_tgid, child));
			if (pid == child) {
				memcpy(ends, text, sizeof(ends));
				ended = true;
			} else {
				memcpy(thread_ends, text, sizeof(thread_ends));
				threads--;
			}
			break;
		default: break;
		}
	}
	if (*thread_ends)
		say("%s", thread_ends);
	say("%s", ends);
}

static void *thread(void *arg)
{
	return arg;
}

static void lives(int how)
{
	pthread_t t;
	struct rlimit none = { 0, 0 };
	int fd;

	setrlimit(RLIMIT_CORE, &none);
	switch (how) {
	case 0: _exit(3);
	case 1:
		if (!pthread_create(&t, NULL, thread, NULL))
			pthread_join(t, NULL);
		prctl(PR_SET_NAME, "a new name, long");
		fd = open("/proc/self/comm", O_WRONLY);
		(void)!write(fd, "written", 7);
		close(fd);
		setsid();
		setresgid(100, 101, 102);
		setresgid(100, 101, 102);
		setresuid((uid_t)-1, 65534, (uid_t)-1);
		_exit(0);
	case 2: execl("/proc/self/exe", t_argv[0], "ends", NULL); _exit(1);
	case 3: raise(SIGABRT); break;
	case 4: pause();
	}
	_exit(9);
}

static void one(int fd, int how)
{
	int child = NEED(fork());

	if (!child)
		lives(how);
	if (how == 4) {
		NEED(ptrace(PTRACE_SEIZE, child, 0, 0));
		NEED(ptrace(PTRACE_INTERRUPT, child, 0, 0));
		NEED(waitpid(child, NULL, 0));
		NEED(ptrace(PTRACE_DETACH, child, 0, 0));
		NEED(kill(child, SIGKILL));
	}
	hear(fd, child, how == 1);
	NEED(waitpid(child, NULL, 0));
}

TEST(cn_proc)
{
	int fd, quiet, child;
	char buf[256];

	if (t_argc > 1)
		_exit(5);
	fd = NEED(open("/proc/net/connector", O_RDONLY));
	buf[NEED(read(fd, buf, sizeof(buf) - 1))] = 0;
	say("%s", buf);
	close(fd);
	fd = listener(CN_IDX_PROC);
	T(ask(fd, PROC_CN_MCAST_LISTEN, 0, 1, 5) > 0);
	answer(fd);
	for (int how = 0; how < 5; how++) {
		say("life %d", how);
		one(fd, how);
	}
	say("asked badly");
	T(ask(fd, 7, 0, 1, 6) > 0);
	answer(fd);
	T(ask(fd, 7, 0, 3, 7) > 0);
	T(ask(fd, PROC_CN_MCAST_LISTEN, 0, 0, 8) > 0);
	T(ask(fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_EXIT, 2, 9) > 0); /* has no answer */
	say("exits only");
	one(fd, 1);
	T(ask(fd, PROC_CN_MCAST_LISTEN, NONZERO_EXIT | PROC_EVENT_FORK, 2, 10) > 0);
	say("bad ends and forks");
	one(fd, 0);
	T(ask(fd, PROC_CN_MCAST_LISTEN, 0x800, 2, 11) > 0); /* none that there is: all */
	answer(fd);
	one(fd, 0);

	/* asks for nothing, and hears what others have asked for */
	quiet = listener(CN_IDX_PROC);
	child = NEED(fork());
	if (!child)
		_exit(1);
	hear(quiet, child, 0);
	NEED(waitpid(child, NULL, 0));
	T(ask(fd, PROC_CN_MCAST_IGNORE, 0, 1, 12) > 0);
	child = NEED(fork());
	if (!child)
		_exit(1);
	NEED(waitpid(child, NULL, 0));
	close(quiet);
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0) {
		struct packet *p = (void *)buf;

		if (p->ev.what == PROC_EVENT_FORK && p->ev.event_data.fork.child_pid == child)
			say("heard of what it did not ask for");
	}
	close(fd);

	say("elsewhere");
	child = NEED(fork());
	if (!child) {
		NEED(unshare(CLONE_NEWNET));
		fd = listener(CN_IDX_PROC);
		T(ask(fd, PROC_CN_MCAST_LISTEN, 0, 1, 5));
		_exit(0);
	}
	NEED(waitpid(child, NULL, 0));
	child = NEED(fork());
	if (!child) {
		struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };

		NEED(setresuid(65534, 65534, 65534));
		fd = T(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR) > 0 ? 0 : -1);
		fd = NEED(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR));
		T(bind(fd, (void *)&a, sizeof(a)));
		T(ask(fd, PROC_CN_MCAST_LISTEN, 0, 1, 5) > 0);
		answer(fd);
		_exit(0);
	}
	NEED(waitpid(child, NULL, 0));
}
