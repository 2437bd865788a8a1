/* SPDX-License-Identifier: MIT */
/*
 * main.c: the loop of nestling-slirp: passes frames of the guest to libslirp and libslirp's frames
 * to the guest, and serves libslirp's sockets and timers.
 *
 * Frames are moved in batches: one call receives all that have arrived, and one call sends all that
 * a turn of the loop has produced. Sending to the guest blocks while its kernel does not receive,
 * which slows the senders down; the kernel never waits for the helper.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tools/slirp/slirp.h"

#define BATCH 32
#define FDS_MAX 4096
/*
 * Bytes of addresses. libslirp aborts where it gets no memory, and reserves about 400 KB for each
 * connection, so the descriptors must end first.
 */
#define MEMORY_MAX (3UL << 30)
#define TIMERS_MAX 8

struct timer {
	SlirpTimerCb fn;
	void *arg;
	int64_t at; /* ms; -1: not set */
};

static Slirp *slirp;
static struct pollfd fds[FDS_MAX];
static int nr_fds;
static struct timer timers[TIMERS_MAX];
static uint8_t in_frames[BATCH][SLIRP_FRAME_MAX], out_frames[BATCH][SLIRP_FRAME_MAX];
static struct iovec in_iov[BATCH], out_iov[BATCH];
static struct mmsghdr in_msgs[BATCH], out_msgs[BATCH];
static unsigned nr_out;

/* ---- frames ---- */

/*
 * Sends the frames in out_frames[]. A frame for which the host has no memory is lost. Ends the
 * process if the kernel has gone.
 */
static void flush_out(void)
{
	unsigned done = 0;

	while (done < nr_out) {
		int n = sendmmsg(SLIRP_FD, out_msgs + done, nr_out - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (unsigned)n;
		else if (errno == ENOBUFS || errno == ENOMEM || errno == EMSGSIZE)
			done++;
		else if (errno != EINTR)
			exit(0);
	}
	nr_out = 0;
}

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
	if (len > SLIRP_FRAME_MAX)
		return (ssize_t)len;
	if (nr_out == BATCH)
		flush_out();
	memcpy(out_frames[nr_out], buf, len);
	out_iov[nr_out++].iov_len = len;
	return (ssize_t)len;
}

/* Reads a batch of frames from the kernel, and passes them to libslirp. */
static void take_frames(void)
{
	int n = recvmmsg(SLIRP_FD, in_msgs, BATCH, MSG_DONTWAIT, NULL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		exit(0);
	for (int i = 0; i < n; i++) {
		if (!in_msgs[i].msg_len)
			exit(0);
		slirp_input(slirp, in_frames[i], (int)in_msgs[i].msg_len);
	}
}

static void setup_frames(void)
{
	for (int i = 0; i < BATCH; i++) {
		in_iov[i] = (struct iovec){ in_frames[i], SLIRP_FRAME_MAX };
		out_iov[i] = (struct iovec){ out_frames[i], 0 };
		in_msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &in_iov[i], .msg_iovlen = 1 };
		out_msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &out_iov[i], .msg_iovlen = 1 };
	}
}

/* ---- time ---- */

static int64_t clock_get_ns(void *opaque)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *timer_new(SlirpTimerCb fn, void *arg, void *opaque)
{
	for (int i = 0; i < TIMERS_MAX; i++) {
		if (!timers[i].fn) {
			timers[i] = (struct timer){ fn, arg, -1 };
			return &timers[i];
		}
	}
	abort();
}

static void timer_free(void *timer, void *opaque)
{
	((struct timer *)timer)->fn = NULL;
}

static void timer_mod(void *timer, int64_t at, void *opaque)
{
	((struct timer *)timer)->at = at;
}

/* Runs the timers that are due. Reduces *timeout (ms) to the next one. */
static void run_timers(uint32_t *timeout)
{
	int64_t now = clock_get_ns(NULL) / 1000000;

	for (int i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &timers[i];

		if (!t->fn || t->at < 0)
			continue;
		if (t->at <= now) {
			t->at = -1;
			t->fn(t->arg);
		} else if (t->at - now < *timeout) {
			*timeout = (uint32_t)(t->at - now);
		}
	}
}

/* ---- sockets ---- */

static int add_poll(int fd, int events, void *opaque)
{
	if (nr_fds == FDS_MAX)
		return -1;
	fds[nr_fds] = (struct pollfd){ .fd = fd };
	if (events & SLIRP_POLL_IN)
		fds[nr_fds].events |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		fds[nr_fds].events |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		fds[nr_fds].events |= POLLPRI;
	return nr_fds++;
}

/* Returns the events of the descriptor @idx as libslirp's bits. */
static int get_revents(int idx, void *opaque)
{
	static const struct {
		short host;
		int slirp;
	} map[] = {
		{ POLLIN, SLIRP_POLL_IN },
		{ POLLOUT, SLIRP_POLL_OUT },
		{ POLLPRI, SLIRP_POLL_PRI },
		{ POLLERR, SLIRP_POLL_ERR },
		{ POLLHUP, SLIRP_POLL_HUP },
	};
	int events = 0;

	for (size_t i = 0; idx >= 0 && i < sizeof(map) / sizeof(map[0]); i++)
		if (fds[idx].revents & map[i].host)
			events |= map[i].slirp;
	return events;
}

static void loop(void)
{
	for (;;) {
		uint32_t timeout = 1000;
		int n;

		fds[0] = (struct pollfd){ .fd = SLIRP_FD, .events = POLLIN };
		nr_fds = 1;
		slirp_pollfds_fill(slirp, &timeout, add_poll, NULL);
		run_timers(&timeout);
		flush_out();
		n = poll(fds, (nfds_t)nr_fds, (int)timeout);
		slirp_pollfds_poll(slirp, n < 0, get_revents, NULL);
		if (n > 0 && fds[0].revents)
			take_frames();
		flush_out();
	}
}

/* ---- start ---- */

static void guest_error(const char *msg, void *opaque)
{
}
static void ignore_fd(int fd, void *opaque)
{
}
static void notify(void *opaque)
{
}

/* Sends the first message, and tells the starter by the pipe @answered, if it is not -1. */
static void answer(const char *text, int answered)
{
	if (send(SLIRP_FD, text, strlen(text), MSG_NOSIGNAL) < 0)
		exit(1);
	if (answered < 0)
		return;
	(void)!write(answered, "", 1);
	close(answered);
}

static struct in_addr v4(const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	return a;
}

static void start_slirp(const struct config *c)
{
	static const SlirpCb callbacks = {
		.send_packet = send_packet,
		.guest_error = guest_error,
		.clock_get_ns = clock_get_ns,
		.timer_new = timer_new,
		.timer_free = timer_free,
		.timer_mod = timer_mod,
		.register_poll_fd = ignore_fd,
		.unregister_poll_fd = ignore_fd,
		.notify = notify,
	};
	SlirpConfig cfg = {
		.version = 1,
		.in_enabled = true,
		.vnetwork = v4("10.0.2.0"),
		.vnetmask = v4("255.255.255.0"),
		.vhost = v4("10.0.2.2"),
		.vdhcp_start = v4("10.0.2.15"),
		.vnameserver = v4("10.0.2.3"),
		.in6_enabled = !c->no_ipv6,
		.vprefix_len = 64,
		.if_mtu = c->mtu,
		.if_mru = c->mtu,
	};

	inet_pton(AF_INET6, "fec0::", &cfg.vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &cfg.vhost6);
	inet_pton(AF_INET6, "fec0::3", &cfg.vnameserver6);
	loopback_guard(c);
	slirp = slirp_new(&cfg, &callbacks, NULL);
}

/* Opens the host's ports. Returns NULL, or a message about the first that failed. */
static const char *add_forwards(const struct config *c)
{
	static char text[256];

	for (int i = 0; i < c->nr_forwards; i++) {
		const struct forward *f = &c->forwards[i];

		if (!slirp_add_hostfwd(
			    slirp, f->udp, f->host, f->host_port, f->guest, f->guest_port))
			continue;
		snprintf(text, sizeof(text), "%.150s: %s", f->text, strerror(errno));
		return text;
	}
	return NULL;
}

/*
 * Widens the queues of listening sockets. libslirp allows one waiting connection. While this
 * process gets no CPU, the host would drop further connections, and reset them after a minute of
 * retries.
 */
static void widen_queues(void)
{
	for (int fd = 0; fd < FORWARD_FDS; fd++) {
		int listens = 0;
		socklen_t len = sizeof(listens);

		if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) && listens)
			listen(fd, SOMAXCONN);
	}
}

/* Lowers the hard limit of a resource to @most, and sets the soft limit to the hard one. */
static void limit(int what, rlim_t most)
{
	struct rlimit r;

	if (!getrlimit(what, &r) && r.rlim_max > most)
		r.rlim_max = most;
	r.rlim_cur = r.rlim_max;
	setrlimit(what, &r);
}

int main(int argc, char **argv)
{
	const char *error;
	struct config c;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, FDS_MAX - 16);
	limit(RLIMIT_AS, MEMORY_MAX);
	error = config_parse(&c, argv + 1);
	if (!error && c.audit >= 0)
		error = audit_open(c.audit);
	if (!error) {
		start_slirp(&c);
		error = slirp ? add_forwards(&c) : "libslirp does not start";
		widen_queues();
		loopback_forwards();
	}
	if (!error)
		error = jail_enter();
	answer(error ? error : "ok", c.answered);
	if (error)
		return 1;
	setup_frames();
	loop();
}
