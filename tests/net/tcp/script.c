/* SPDX-License-Identifier: MIT */
/*
 * script.c: plays scripts against a TCP stack: it is the peer at the other end of a link, and has
 * an agent (agent.c) make system calls.
 *
 *	script [WORD]... SIDE AGENT FILE...
 *
 *	SIDE	tap:NAME	an existing tap device; AGENT is a command
 *		fd		AGENT is a command that has the link as descriptor 3 (eth0=fd,3)
 *	WORD	long		also scripts marked "long"
 *		offload		the device takes segments that are not cut
 *		-j N		so many scripts at once (8)
 *		slack=N		times may be off by N times as much
 *		only=TEXT	only scripts with TEXT in the title
 *
 * The stack has 10.7.0.2/16 and fd07::2/64. Each script has a number, an address as a peer and a
 * port of the stack (numbers.h), so that many run at once: each runs in a process, and the parent
 * carries frames and lines for it. Scripts marked "alone" run last, one after the other. It prints
 * "ok TITLE" or "NOT OK TITLE: WHY". The status is 0 if all went well, 1 if a script failed, 2 if
 * the agent did not start or ended. README has the language.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "numbers.h"
#include "play.h"

#define MOST 400

struct player {
	pid_t pid;
	int id, frames, lines; /* our ends */
	const struct script *s;
};

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
static uint8_t their_mac[6] = { 2, 0, 0, 0, 0, 2 };
static struct script scripts[MOST];
static struct player players[64];
static int nr_scripts, jobs = 8, link_fd, agent_in, agent_out, next_id = 1, bad;
static pid_t agent_pid;
static double slack = 1;
static bool offload;

static void die(const char *what)
{
	fprintf(stderr, "script: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- files ---- */

/* Begins a script at its line "== TITLE | WORD...". Cuts @text after the title. */
static struct script *begin(const char *file, char *text, int line)
{
	struct script *s = &scripts[nr_scripts++];
	char *bar = strstr(text, " | ");

	if (nr_scripts == MOST)
		die("too many scripts");
	if (bar) {
		*bar = 0;
		s->is_long = strstr(bar + 3, "long");
		s->alone = strstr(bar + 3, "alone");
		s->v6 = strstr(bar + 3, "v6");
	}
	s->file = file;
	s->first_line = line;
	snprintf(s->title, sizeof(s->title), "%s", text);
	return s;
}

static void read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	const char *file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct script *s = NULL;
	char line[1024];

	if (!f)
		die(path);
	for (int n = 1; fgets(line, sizeof(line), f); n++) {
		char *t = line + strspn(line, " \t"), *note = strstr(t, " #");

		if (note)
			*note = 0;
		t[strcspn(t, "\n")] = 0;
		if (!*t || *t == '#')
			continue;
		if (!strncmp(t, "== ", 3)) {
			s = begin(file, t + 3, n);
		} else if (s && s->nr < LINES_MAX) {
			s->number[s->nr] = n;
			s->line[s->nr++] = strdup(t);
		} else {
			die("a line of no script, or too many");
		}
	}
	fclose(f);
}

/* ---- the link and the agent ---- */

static int open_tap(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) || ioctl(s, SIOCGIFHWADDR, &r))
		die(name);
	memcpy(their_mac, r.ifr_hwaddr.sa_data, 6);
	if (offload && ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6))
		die("TUNSETOFFLOAD");
	close(s);
	return fd;
}

static void start_agent(const char *command, bool with_link)
{
	int pair[2], in[2], out[2], size = 4 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || pipe2(in, O_CLOEXEC) ||
		pipe2(out, O_CLOEXEC))
		die("pipes");
	for (int i = 0; i < 2; i++) {
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		setsockopt(pair[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	agent_pid = fork();
	if (!agent_pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		if (with_link && dup2(pair[1], 3) == pair[1])
			fcntl(3, F_SETFD, 0);
		execl("/bin/sh", "sh", "-c", command, NULL);
		die("/bin/sh");
	}
	close(in[0]);
	close(out[1]);
	close(pair[1]);
	agent_in = in[1];
	agent_out = out[0];
	if (with_link) {
		link_fd = pair[0];
		fcntl(link_fd, F_SETFL, O_NONBLOCK);
	}
}

/* ---- players ---- */

static void set_ends(struct wires *w, bool v6)
{
	char text[64];

	w->ends.v6 = v6;
	memcpy(w->ends.peer_mac, mac, 6);
	memcpy(w->ends.our_mac, their_mac, 6);
	peer_address(w->id, v6, text, sizeof(text));
	inet_pton(v6 ? AF_INET6 : AF_INET, text, w->ends.peer);
	inet_pton(v6 ? AF_INET6 : AF_INET, v6 ? "fd07::2" : "10.7.0.2", w->ends.us);
}

static void start(struct player *p, const struct script *s)
{
	int frames[2], lines[2];
	struct wires w = { .id = next_id++, .slack = slack };
	char why[700];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, frames) ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lines))
		die("socketpair");
	*p = (struct player){ .id = w.id, .frames = frames[0], .lines = lines[0], .s = s };
	fflush(stdout);
	p->pid = fork();
	if (!p->pid) {
		w.frames = frames[1];
		w.lines_in = w.lines_out = lines[1];
		close(frames[0]);
		close(lines[0]);
		set_ends(&w, s->v6);
		if (!play(s, &w, why, sizeof(why))) {
			printf("ok      %s\n", s->title);
			exit(0);
		}
		printf("NOT OK  %s: %s\n", s->title, why);
		exit(1);
	}
	close(frames[1]);
	close(lines[1]);
	fcntl(p->frames, F_SETFL, O_NONBLOCK);
}

static void end(struct player *p)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d end\n", p->id), status;

	if (write(agent_in, text, (size_t)n) != n)
		die("the agent is gone");
	waitpid(p->pid, &status, 0);
	bad |= status != 0;
	close(p->frames);
	close(p->lines);
	p->pid = 0;
}

/* ---- carrying ---- */

static struct player *by_id(int id)
{
	for (int i = 0; i < 64; i++)
		if (players[i].pid && players[i].id == id)
			return &players[i];
	return NULL;
}

static int addressee(const uint8_t *f, size_t n)
{
	if (n >= 34 && f[12] == 8 && !f[13] && f[30] == 10 && f[31] == 7 && f[32])
		return (f[32] - 1) * 250 + f[33] - 1;
	if (n >= 54 && f[12] == 0x86 && f[13] == 0xdd && f[38] == 0xfd && f[51] == 1)
		return f[52] << 8 | f[53];
	return 0;
}

static void from_link(void)
{
	static uint8_t f[FRAME_MAX], answer[256];

	for (;;) {
		ssize_t n = read(link_fd, f, sizeof(f));
		size_t m;
		struct player *p;

		if (n <= 0)
			return;
		m = neighbour_answer(f, (size_t)n, mac, answer);
		if (m && write(link_fd, answer, m) < 0)
			continue;
		p = by_id(addressee(f, (size_t)n));
		if (p && write(p->frames, f, (size_t)n) < 0 && errno == EAGAIN)
			fprintf(stderr, "script: a frame is lost\n");
	}
}

static void from_agent(void)
{
	static char b[8192];
	static size_t have;
	ssize_t n = read(agent_out, b + have, sizeof(b) - have - 1);
	char *nl;

	if (n <= 0) {
		printf("NOT OK  the agent: it has ended\n");
		exit(2);
	}
	have += (size_t)n;
	b[have] = 0;
	while ((nl = strchr(b, '\n'))) {
		char *text;
		struct player *p;

		*nl = 0;
		if (nl > b && nl[-1] == '\r')
			nl[-1] = 0;
		p = by_id((int)strtol(b, &text, 10));
		text += *text == ' ';
		if (p && dprintf(p->lines, "%s\n", text) < 0)
			fprintf(stderr, "script: an answer is lost\n");
		have -= (size_t)(nl + 1 - b);
		memmove(b, nl + 1, have + 1);
	}
}

static void from_player(struct player *p, short frames, short lines)
{
	static uint8_t f[FRAME_MAX];
	ssize_t n;

	while (frames && (n = read(p->frames, f, sizeof(f))) > 0)
		if (write(link_fd, f, (size_t)n) < 0)
			fprintf(stderr, "script: the link takes no frame: %s\n", strerror(errno));
	if (!lines)
		return;
	n = read(p->lines, f, sizeof(f));
	if (n > 0) {
		if (write(agent_in, f, (size_t)n) != n)
			die("the agent is gone");
	} else {
		end(p);
	}
}

static void carry(void)
{
	struct pollfd p[2 + 128] = { { link_fd, POLLIN, 0 }, { agent_out, POLLIN, 0 } };
	int who[64], n = 0;

	for (int i = 0; i < 64; i++) {
		if (!players[i].pid)
			continue;
		p[2 + 2 * n] = (struct pollfd){ players[i].frames, POLLIN, 0 };
		p[3 + 2 * n] = (struct pollfd){ players[i].lines, POLLIN, 0 };
		who[n++] = i;
	}
	if (poll(p, (nfds_t)(2 + 2 * n), 1000) <= 0)
		return;
	if (p[0].revents)
		from_link();
	if (p[1].revents)
		from_agent();
	for (int i = 0; i < n; i++)
		from_player(&players[who[i]], p[2 + 2 * i].revents, p[3 + 2 * i].revents);
}

static int running(void)
{
	int n = 0;

	for (int i = 0; i < 64; i++)
		n += players[i].pid != 0;
	return n;
}

static void run_all(bool alone, bool want_long, const char *only, int most)
{
	for (int i = 0; i < nr_scripts; i++) {
		const struct script *s = &scripts[i];
		int j = 0;

		if (s->alone != alone || (s->is_long && !want_long) ||
			(only && !strstr(s->title, only)))
			continue;
		while (running() >= most)
			carry();
		while (players[j].pid)
			j++;
		start(&players[j], s);
	}
	while (running())
		carry();
}

int main(int argc, char **argv)
{
	bool want_long = false;
	const char *only = NULL;
	char ready[8] = "";
	int i = 1;

	signal(SIGPIPE, SIG_IGN);
	for (; i < argc && strncmp(argv[i], "tap:", 4) && strcmp(argv[i], "fd"); i++) {
		if (!strcmp(argv[i], "long"))
			want_long = true;
		else if (!strcmp(argv[i], "offload"))
			offload = segments_uncut = true;
		else if (!strcmp(argv[i], "-j") && i + 1 < argc)
			jobs = atoi(argv[++i]);
		else if (!strncmp(argv[i], "slack=", 6))
			slack = atof(argv[i] + 6);
		else if (!strncmp(argv[i], "only=", 5))
			only = argv[i] + 5;
	}
	if (argc - i < 3)
		return fprintf(stderr, "script [WORD]... tap:NAME|fd AGENT FILE...\n"), 2;
	for (int j = i + 2; j < argc; j++)
		read_file(argv[j]);
	if (!strncmp(argv[i], "tap:", 4))
		link_fd = open_tap(argv[i] + 4);
	start_agent(argv[i + 1], !strcmp(argv[i], "fd"));
	if (read(agent_out, ready, 6) < 5 || strncmp(ready, "ready", 5)) {
		printf("NOT OK  the agent: it does not start\n");
		return 2;
	}
	run_all(false, want_long, only, jobs < 60 ? jobs : 60);
	run_all(true, want_long, only, 1);
	close(agent_in);
	kill(agent_pid, SIGTERM);
	return bad;
}
