/* SPDX-License-Identifier: MIT */
/*
 * broker.c: the broker, a process that makes host calls for the jailed kernel process: those that
 * its filter does not admit but that the instance's owner has allowed.
 *
 *      owner ---- datagrams of the management console ----> broker ---- relay ----> kernel process
 *                                                             ^                        |
 *                                                             +--- calls that the -----+
 *                                                                  filter stops
 *
 * The broker is forked at the start, before any state of the guest exists. Until the first program
 * of the guest runs, the kernel process sends it messages (`struct ask`) that grant later requests.
 * Then the filter closes, and the broker is notified of each call that the filter does not admit
 * (SECCOMP_RET_USER_NOTIF), while the calling thread waits. For a call that names a file the broker
 * copies the arguments, checks the copy, makes the call itself and returns the result (files.c):
 * the host never sees arguments in memory of the kernel process. Any other call ends the kernel
 * process, with a line that names the call.
 *
 * The datagrams of the management console pass through the broker, since the console's owner
 * decides which files may be opened later (relay.c). So the kernel process has no socket with which
 * it could send to other programs' sockets.
 *
 * The broker has no thread and no state that grows without a bound. It ends with the kernel
 * process.
 */
#include "os-linux/jail/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/jail/jail.h"

/* Linux 6.6: the broker wakes up on the CPU of the caller, which waits for it */
#define NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#define NOTIF_SYNC_WAKE_UP 1UL
/*
 * limit of log lines, so that a kernel process taken over by a guest cannot fill a disk with them
 */
#define LINES_MAX 100

struct broker broker = {
	.ask = -1, .listener = -1, .memory = -1, .console = -1, .relay = -1, .launcher = -1
};

void broker_say(const char *format, ...)
{
	static int lines;
	char text[ASK_TEXT + 200] = "nestling: jail: ";
	size_t at = strlen(text);
	va_list ap;

	if (++lines > LINES_MAX)
		return;
	va_start(ap, format);
	vsnprintf(text + at, sizeof(text) - at - 1, format, ap);
	va_end(ap);
	strcat(text, "\n");
	/*
	 * a name may have any bytes, and standard error may be a terminal: replace control
	 * characters by '?'
	 */
	for (char *p = text; p[1]; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	os_write_stderr(text, strlen(text));
}

/* ---- messages ---- */

/* Messages of broker_ask_later() that are not sent yet, one behind the other. */
static struct {
	pthread_mutex_t lock;
	size_t len;
	_Alignas(struct ask) char bytes[ASK_PACKET];
} later = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Returns the bytes that a message takes in a packet of several messages. */
static size_t room_of(const struct ask *a)
{
	return (ASK_HEAD + a->len + ASK_ALIGN - 1) & ~(size_t)(ASK_ALIGN - 1);
}

/* Sends the waiting messages, if there are any. Returns 0 or -errno. later.lock held. */
static int send_later_locked(int sock)
{
	ssize_t n = 0;

	while (later.len && (n = write(sock, later.bytes, later.len)) < 0 && errno == EINTR)
		;
	later.len = 0;
	return n < 0 ? -errno : 0;
}

/*
 * Sends the waiting messages. Takes no lock if none waits, as is the case after the close: a thread
 * that was parked for a restart may hold the lock. Returns 0 or -errno.
 */
static int send_later(int sock)
{
	int err;

	if (!__atomic_load_n(&later.len, __ATOMIC_RELAXED))
		return 0;
	pthread_mutex_lock(&later.lock);
	err = send_later_locked(sock);
	pthread_mutex_unlock(&later.lock);
	return err;
}

int broker_ask_later(int sock, enum ask_kind kind, uint64_t value, const char *text)
{
	struct ask a = { .kind = kind, .value = value, .len = (uint32_t)strlen(text) + 1 };
	int err = 0;

	if (a.len > ASK_TEXT)
		return -ENAMETOOLONG;
	pthread_mutex_lock(&later.lock);
	if (room_of(&a) > sizeof(later.bytes) - later.len)
		err = send_later_locked(sock);
	memcpy(later.bytes + later.len, &a, ASK_HEAD);
	memcpy(later.bytes + later.len + ASK_HEAD, text, a.len);
	later.len += room_of(&a);
	pthread_mutex_unlock(&later.lock);
	return err;
}

int broker_ask(
	int sock, enum ask_kind kind, uint64_t value, const char *text, const int *fds, int nr_fds)
{
	static char control[CMSG_SPACE(ASK_FDS * sizeof(int))];
	struct ask a = { .kind = kind, .value = value, .len = (uint32_t)strlen(text) + 1 };
	struct iovec iov = { &a, ASK_HEAD + a.len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;
	int err;

	if (a.len > ASK_TEXT)
		return -ENAMETOOLONG;
	if (nr_fds > ASK_FDS)
		return -EMFILE;
	err = send_later(sock);
	if (err)
		return err;
	memcpy(a.text, text, a.len);
	if (nr_fds) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN((size_t)nr_fds * sizeof(int)) };
		memcpy(CMSG_DATA(c), fds, (size_t)nr_fds * sizeof(int));
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE((size_t)nr_fds * sizeof(int));
	}
	do {
		n = nr_fds ? host_sendmsg(sock, &m, MSG_NOSIGNAL) : write(sock, &a, iov.iov_len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void close_all(const int *fds, int nr)
{
	for (int i = 0; fds && i < nr; i++)
		close(fds[i]);
}

/*
 * Receives a packet of up to @size bytes. @fds has room for ASK_FDS + 1 descriptors, or is NULL:
 * then descriptors are closed. Returns the packet's length, with the number of descriptors in
 * *@nr_fds, or -1.
 */
static ssize_t receive(void *packet, size_t size, int *fds, int *nr_fds)
{
	static char control[CMSG_SPACE(ASK_FDS * sizeof(int))];
	struct iovec iov = { packet, size };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(broker.ask, &m, MSG_CMSG_CLOEXEC);

	*nr_fds = 0;
	if (n <= 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*nr_fds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		if (fds)
			memcpy(fds, CMSG_DATA(c), (size_t)*nr_fds * sizeof(int));
		else
			close_all((const int *)CMSG_DATA(c), *nr_fds);
	}
	return n;
}

int broker_hear(struct ask *a, int *fds)
{
	int nr;
	ssize_t n = receive(a, sizeof(*a), fds, &nr);

	if (n < 0)
		return -1;
	if ((size_t)n <= ASK_HEAD || (size_t)n != ASK_HEAD + a->len || a->text[a->len - 1]) {
		close_all(fds, nr);
		return -1;
	}
	return nr;
}

/* Handles a message of the kernel process while it is trusted. */
static void believe(const struct ask *a, const int *fds, int nr)
{
	void (*fn)(const char *) = (void (*)(const char *))a->value;

	switch (a->kind) {
	case ASK_GRANT: files_grant(a->text, (unsigned)a->value); break;
	case ASK_KNOW:
		if (nr == 1)
			known_add(fds[0], true);
		close_all(fds, nr);
		break;
	case ASK_RUN: fn(a->text); break;
	case ASK_HELPER:
		if (nr == 1)
			openers_helper((void (*)(const char *, int))a->value, a->text, fds[0]);
		break;
	case ASK_WORD:
		if (a->value)
			again_word(a->text);
		openers_word(a->text);
		break;
	case ASK_OPENER: openers_add((int (*)(const char *, struct os_opened *))a->value); break;
	case ASK_RELAY:
		if (nr == 2) {
			broker.console = fds[0];
			broker.relay = fds[1];
		}
		break;
	case ASK_MEMORY: broker.memory = nr == 1 ? fds[0] : -1; break;
	case ASK_CLOSED:
		broker.listener = nr == 1 ? fds[0] : -1;
		broker.traces = a->value;
		ioctl(broker.listener, NOTIF_SET_FLAGS, NOTIF_SYNC_WAKE_UP);
		break;
	default: break;
	}
}

/*
 * Handles a packet of the kernel process while it is trusted: one message, with descriptors, or
 * several without.
 */
static void hear_trusted(void)
{
	static _Alignas(struct ask) char packet[ASK_PACKET];
	int fds[ASK_FDS + 1], nr;
	ssize_t n = receive(packet, sizeof(packet), fds, &nr);
	const struct ask *a;

	if (n < 0)
		/* there is no jail, or the kernel process has ended */
		_exit(0);
	for (ssize_t at = 0; at < n; at += (ssize_t)room_of(a)) {
		a = (const struct ask *)(packet + at);
		believe(a, fds, nr);
	}
}

static void hear_ask(void)
{
	struct ask a;
	int fds[ASK_FDS + 1], nr;

	if (broker.listener < 0) {
		hear_trusted();
		return;
	}
	nr = broker_hear(&a, fds);
	/* a message that takes no descriptors may have some: they must not stay open */
	if (nr < 0 || a.kind != ASK_AGAIN || !again_ask(&a, fds, nr))
		close_all(fds, nr);
	if (nr >= 0 && a.kind == ASK_GO)
		again_go();
	else if (nr >= 0 && a.kind == ASK_OPEN)
		openers_open(&a);
	if (nr < 0) {
		close(broker.ask);
		broker.ask = -1;
	}
}

/* ---- calls ---- */

bool memory_read(uint64_t addr, void *to, size_t n)
{
	return pread(broker.memory, to, n, (off_t)addr) == (ssize_t)n;
}

bool memory_write(uint64_t addr, const void *from, size_t n)
{
	return pwrite(broker.memory, from, n, (off_t)addr) == (ssize_t)n;
}

bool memory_string(uint64_t addr, char *to, size_t size)
{
	size_t at = 0;

	/* a string may end just before unmapped memory */
	while (at < size) {
		size_t n = 256 - (addr + at) % 256;

		if (n > size - at)
			n = size - at;
		if (!memory_read(addr + at, to + at, n))
			return false;
		if (memchr(to + at, 0, n))
			return true;
		at += n;
	}
	return false;
}

void answer(const struct seccomp_notif *call, int64_t value)
{
	struct seccomp_notif_resp r = { .id = call->id };

	if (value < 0)
		r.error = (int)value;
	else
		r.val = value;
	ioctl(broker.listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

void answer_fd(const struct seccomp_notif *call, int fd)
{
	struct seccomp_notif_addfd add = {
		.id = call->id, .srcfd = (uint32_t)fd, .newfd_flags = O_CLOEXEC
	};
	int number;

	add.flags = SECCOMP_ADDFD_FLAG_SEND;
	number = ioctl(broker.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (number >= 0)
		return;
	if (errno == EINVAL) { /* before Linux 5.14 */
		add.flags = 0;
		number = ioctl(broker.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	}
	answer(call, number < 0 ? -errno : number);
}

static void kill_kernel(const struct seccomp_notif *call)
{
	const char *name = jail_call_name(call->data.nr);
	char number[32];

	snprintf(number, sizeof(number), "number %d", call->data.nr);
	broker_say("the kernel process made the call %s (%llx, %llx, %llx) at %llx, which it never "
		   "needs: it is killed",
		name ? name : number, (unsigned long long)call->data.args[0],
		(unsigned long long)call->data.args[1], (unsigned long long)call->data.args[2],
		(unsigned long long)call->data.instruction_pointer);
	if (getppid() == broker.kernel)
		kill(broker.kernel, SIGKILL);
}

static void hear_call(void)
{
	union {
		struct seccomp_notif n;
		char room[512]; /* a later host may write more */
	} u;

	memset(&u, 0, sizeof(u));
	if (ioctl(broker.listener, SECCOMP_IOCTL_NOTIF_RECV, &u.n)) {
		/* the caller was killed meanwhile, or the host refuses the call permanently */
		if (errno != ENOENT && errno != EINTR)
			_exit(1);
		return;
	}
	if (u.n.data.arch != JAIL_ARCH || (!attributes_call(&u.n) && !children_call(&u.n) &&
						  !own_call(&u.n) && !files_call(&u.n)))
		kill_kernel(&u.n);
}

/* ---- the process ---- */

static void __attribute__((noreturn)) serve(void)
{
	/* true: the relay's socket to the kernel process is full, and the console waits */
	bool full = false;

	for (;;) {
		bool waits = relay_waits();
		short relay = (short)((waits ? 0 : POLLIN) | (full ? POLLOUT : 0));
		struct pollfd p[] = { { broker.listener, POLLIN, 0 }, { broker.ask, POLLIN, 0 },
			{ full ? -1 : broker.console, POLLIN, 0 },
			{ relay ? broker.relay : -1, relay, 0 } };

		int pause = openers_helpers();

		if (poll(p, 4, waits ? 1 : pause) < 0 && errno != EINTR)
			_exit(1);
		if (p[0].revents & POLLIN)
			hear_call();
		else if (p[0].revents & (POLLHUP | POLLERR))
			_exit(0); /* no thread has the filter any more */
		if (p[3].revents & ~POLLOUT)
			relay_out();
		if (p[2].revents || p[3].revents & POLLOUT)
			full = broker.relay >= 0 && !relay_has_room();
		if (p[2].revents && !full)
			relay_in();
		if (p[1].revents)
			hear_ask();
	}
}

static void __attribute__((noreturn)) be_broker(int sock, pid_t kernel)
{
	/* signals of a terminal are for the kernel process, with which the broker ends */
	static const int others[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
		SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		signal(others[i], SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* children of openers.c */
	prctl(PR_SET_NAME, "nestling-broker");
	/* children of an opener become children of the broker */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	broker.kernel = kernel;
	broker.ask = sock;
	if (!getcwd(broker.cwd, sizeof(broker.cwd)))
		broker.cwd[0] = 0;
	serve();
}

int broker_start(void)
{
	pid_t kernel = getpid();
	int pair[2];
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return os_refused("socketpair", errno);
	again_begin();
	pid = fork();
	if (!pid) {
		close(pair[0]);
		be_broker(pair[1], kernel);
	}
	again_broker((pid_t)pid);
	close(pair[1]);
	if (pid > 0)
		return pair[0];
	close(pair[0]);
	return os_refused("clone", errno);
}
