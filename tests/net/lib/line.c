/* SPDX-License-Identifier: MIT */
/*
 * line.c: a bad line between two network cards, for machines that have no netem, or no right to it.
 *
 *	line [WORD=VALUE]... SIDE SIDE
 *
 *	SIDE	exec:COMMAND	a shell that has one end as descriptor 3 (eth0=fd,3)
 *		tap:NAME	a tap device that is there
 *		tap:NAME@PID	the same in the network namespace of a process
 *	WORD	loss, duplicate, reorder, corrupt       percent of the frames; a corrupted one has
 *              one bit turned behind the Ethernet header
 *		delay	milliseconds on the way; what is reordered goes at once (without a delay: 5
 *                      ms later)
 *		seed	of the chances
 *
 * It ends when the first side's command has ended, with its status, and the other gets SIGTERM;
 * with taps alone, when its input does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX (65536 + 14)
/* frames in a direction; more are lost, as in netem's queue */
#define ON_WAY_MAX 4000

struct frame {
	struct frame *next, *prev;
	uint64_t due;
	size_t len;
	unsigned char data[];
};

struct side {
	int fd;
	pid_t pid;
	struct frame way; /* head: frames for this side, by time */
	int nr;
};

static struct side sides[2];
static int loss, duplicate, reorder, corrupt, delay;
static uint64_t random_state = 88172645463325252U;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t dice(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int chance(int percent)
{
	return (int)(dice() % 1000) < percent * 10;
}

static void die(const char *what)
{
	fprintf(stderr, "line: %s: %s\n", what, strerror(errno));
	exit(99);
}

/* ---- the sides ---- */

static int open_tap(char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	char path[64], *pid = strchr(name, '@');
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd, ns = -1;

	if (pid) {
		*pid++ = 0;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
		ns = open(path, O_RDONLY | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWNET))
			die(path);
	}
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r))
		die(name);
	if (ns >= 0) {
		setns(home, CLONE_NEWNET);
		close(ns);
	}
	close(home);
	return fd;
}

static void start(struct side *s, const char *command)
{
	int pair[2], size = 4 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	for (int i = 0; i < 2; i++) {
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		setsockopt(pair[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	s->pid = fork();
	if (!s->pid) {
		if (pair[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(pair[1], 3);
		execl("/bin/sh", "sh", "-c", command, NULL);
		die("/bin/sh");
	}
	close(pair[1]);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	s->fd = pair[0];
}

static void open_side(struct side *s, char *text)
{
	s->way.next = s->way.prev = &s->way;
	if (!strncmp(text, "exec:", 5))
		start(s, text + 5);
	else if (!strncmp(text, "tap:", 4))
		s->fd = open_tap(text + 4);
	else
		exit(fprintf(stderr, "line: %s: neither exec: nor tap:\n", text));
}

/* ---- frames ---- */

static void put(struct side *to, const unsigned char *data, size_t len)
{
	uint64_t wait = (uint64_t)delay * 1000;
	struct frame *f, *at;

	if (to->nr >= ON_WAY_MAX)
		return;
	if (chance(reorder))
		wait = delay ? 0 : 5000;
	f = malloc(sizeof(*f) + len);
	memcpy(f->data, data, len);
	f->len = len;
	f->due = now_us() + wait;
	if (len > 15 && chance(corrupt))
		f->data[14 + dice() % (len - 14)] ^= (unsigned char)(1 << dice() % 8);
	for (at = to->way.prev; at != &to->way && at->due > f->due; at = at->prev)
		;
	f->prev = at;
	f->next = at->next;
	at->next->prev = f;
	at->next = f;
	to->nr++;
}

/*
 * Reads up to 64 frames of @from and puts them on the way to @to. Returns 0 if @from is closed or
 * fails, else 1.
 */
static int take(struct side *from, struct side *to)
{
	static unsigned char buf[FRAME_MAX];

	for (int i = 0; i < 64; i++) {
		ssize_t n = read(from->fd, buf, sizeof(buf));

		if (n < 0)
			return errno == EAGAIN || errno == EIO || errno == EINTR;
		if (!n)
			return 0;
		if (!chance(loss))
			put(to, buf, (size_t)n);
		if (chance(duplicate))
			put(to, buf, (size_t)n);
	}
	return 1;
}

/*
 * Writes the frames that are due to @s. Returns when to call it again (now_us()): a full socket is
 * tried again soon, and ~0 means that no frame is left.
 */
static uint64_t deliver(struct side *s)
{
	while (s->way.next != &s->way) {
		struct frame *f = s->way.next;

		if (f->due > now_us())
			return f->due;
		if (s->fd >= 0 && write(s->fd, f->data, f->len) < 0 && errno == EAGAIN)
			return now_us() + 500;
		f->prev->next = f->next;
		f->next->prev = f->prev;
		s->nr--;
		free(f);
	}
	return ~0UL;
}

static int wait_us(uint64_t first)
{
	uint64_t now = now_us();

	if (first == ~0UL)
		return 100;
	return first <= now ? 0 : (int)((first - now + 999) / 1000);
}

/* Returns the status of the command of @s if it has ended, else -1. */
static int ended(const struct side *s)
{
	int status;

	if (!s->pid || waitpid(s->pid, &status, WNOHANG) <= 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int carry(int has_commands)
{
	struct pollfd p[3] = { { .events = POLLIN }, { .events = POLLIN },
		{ .fd = has_commands ? -1 : 0, .events = POLLIN } };
	int status;
	char c;

	for (;;) {
		uint64_t a = deliver(&sides[0]), b = deliver(&sides[1]);

		p[0].fd = sides[0].fd;
		p[1].fd = sides[1].fd;
		poll(p, 3, wait_us(a < b ? a : b));
		if (p[2].fd == 0 && p[2].revents && read(0, &c, 1) <= 0)
			return 0;
		for (int i = 0; i < 2; i++)
			if (p[i].fd >= 0 && p[i].revents && !take(&sides[i], &sides[!i]))
				sides[i].fd = -1;
		status = ended(&sides[0]);
		if (status >= 0)
			return status;
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int *v;
	} words[] = { { "loss=", &loss }, { "duplicate=", &duplicate }, { "reorder=", &reorder },
		{ "corrupt=", &corrupt }, { "delay=", &delay } };
	int at = 1, status;

	signal(SIGPIPE, SIG_IGN);
	for (; at < argc - 2; at++) {
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (!strncmp(argv[at], words[i].name, strlen(words[i].name)))
				*words[i].v = atoi(strchr(argv[at], '=') + 1);
		if (!strncmp(argv[at], "seed=", 5))
			random_state += (uint64_t)atoll(argv[at] + 5) * 0x9e3779b97f4a7c15U;
	}
	if (argc < 3)
		exit(fprintf(stderr, "line [WORD=VALUE]... SIDE SIDE\n"));
	open_side(&sides[0], argv[at]);
	open_side(&sides[1], argv[at + 1]);
	status = carry(sides[0].pid || sides[1].pid);
	if (sides[1].pid) {
		kill(sides[1].pid, SIGTERM);
		waitpid(sides[1].pid, NULL, 0);
	}
	return status;
}
