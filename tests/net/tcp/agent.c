/* SPDX-License-Identifier: MIT */
/*
 * agent.c: makes the system calls that the scripts ask for (script.c), in the guest or on the host.
 *
 * Lines of its input are "ID COMMAND"; the answers are lines "ID RESULT", "ID &RESULT" of a command
 * that began with '&', which runs in a thread of its own. Each ID is a process of its own, whose
 * sockets stand in ten slots: COMMAND is VERB SLOT WORD... (verbs[]). ID says the port that it
 * listens at and the address of the peer (numbers.h). Results are numbers, "-ENAME", or what was
 * asked for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "numbers.h"

#define SLOTS 10
#define WORDS 24
#define SOL_TCP_ 6

static int id, slots[SLOTS];
static unsigned long sent[SLOTS], got[SLOTS]; /* bytes of the stream, for the pattern */
static bool v6;
static volatile int urgent; /* SIGURGs that came */
static pthread_mutex_t out = PTHREAD_MUTEX_INITIALIZER;

struct command {
	int n;
	bool async;
	char *word[WORDS], line[1024];
};

static const char *error_name(int e)
{
	const char *s = strerrorname_np(e);
	static __thread char b[16];

	if (s)
		return s;
	snprintf(b, sizeof(b), "E%d", e);
	return b;
}

__attribute__((format(printf, 2, 3))) static void answer(
	const struct command *c, const char *format, ...)
{
	char text[900], line[1000];
	va_list ap;
	int n;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	n = snprintf(line, sizeof(line), "%d %s%s\n", id, c->async ? "&" : "", text);
	pthread_mutex_lock(&out);
	if (write(1, line, (size_t)n) < 0)
		_exit(1);
	pthread_mutex_unlock(&out);
}

static void result(const struct command *c, long n)
{
	if (n < 0)
		answer(c, "-%s", error_name(errno));
	else
		answer(c, "%ld", n);
}

/* ---- options ---- */

static const struct option {
	const char *name;
	int level, opt;
} options[] = {
	{ "nodelay", SOL_TCP_, TCP_NODELAY },
	{ "cork", SOL_TCP_, TCP_CORK },
	{ "maxseg", SOL_TCP_, TCP_MAXSEG },
	{ "keepidle", SOL_TCP_, TCP_KEEPIDLE },
	{ "keepintvl", SOL_TCP_, TCP_KEEPINTVL },
	{ "keepcnt", SOL_TCP_, TCP_KEEPCNT },
	{ "syncnt", SOL_TCP_, TCP_SYNCNT },
	{ "linger2", SOL_TCP_, TCP_LINGER2 },
	{ "defer", SOL_TCP_, TCP_DEFER_ACCEPT },
	{ "clamp", SOL_TCP_, TCP_WINDOW_CLAMP },
	{ "quickack", SOL_TCP_, TCP_QUICKACK },
	{ "usertimeout", SOL_TCP_, TCP_USER_TIMEOUT },
	{ "fastopen", SOL_TCP_, TCP_FASTOPEN },
	{ "nocookie", SOL_TCP_, TCP_FASTOPEN_NO_COOKIE },
	{ "fastconnect", SOL_TCP_, TCP_FASTOPEN_CONNECT },
	{ "notsent", SOL_TCP_, TCP_NOTSENT_LOWAT },
	{ "inq", SOL_TCP_, TCP_INQ },
	{ "savesyn", SOL_TCP_, TCP_SAVE_SYN },
	{ "thin", SOL_TCP_, TCP_THIN_LINEAR_TIMEOUTS },
	{ "keepalive", SOL_SOCKET, SO_KEEPALIVE },
	{ "sndbuf", SOL_SOCKET, SO_SNDBUF },
	{ "rcvbuf", SOL_SOCKET, SO_RCVBUF },
	{ "rcvlowat", SOL_SOCKET, SO_RCVLOWAT },
	{ "oobinline", SOL_SOCKET, SO_OOBINLINE },
	{ "reuseport", SOL_SOCKET, SO_REUSEPORT },
	{ "reuseaddr", SOL_SOCKET, SO_REUSEADDR },
	{ "error", SOL_SOCKET, SO_ERROR },
	{ "zerocopy", SOL_SOCKET, SO_ZEROCOPY },
	{ "recverr", IPPROTO_IP, IP_RECVERR },
	{ "pmtudisc", IPPROTO_IP, IP_MTU_DISCOVER },
	{ "mtu", IPPROTO_IP, IP_MTU },
	{ "tos", IPPROTO_IP, IP_TOS },
	{ "ttl", IPPROTO_IP, IP_TTL },
};

static const struct option *find_option(const char *name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (!strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

static int set_option(int fd, const char *name, const char *value)
{
	const struct option *o = find_option(name);
	int n = atoi(value);

	if (!strcmp(name, "linger")) {
		struct linger l = { .l_onoff = n >= 0, .l_linger = n };

		return setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	}
	if (!strcmp(name, "cc"))
		return setsockopt(fd, SOL_TCP_, TCP_CONGESTION, value, (socklen_t)strlen(value));
	if (!strcmp(name, "own")) /* SIGURG comes to this process */
		return fcntl(fd, F_SETOWN, getpid());
	if (!o) {
		errno = ENOSYS;
		return -1;
	}
	return setsockopt(fd, o->level, o->opt, &n, sizeof(n));
}

/*
 * Sets the options that words NAME=VALUE of @c ask for, from word @i on. Returns 0, or -1 with
 * errno.
 */
static int set_words(int fd, const struct command *c, int i)
{
	for (; i < c->n; i++) {
		char name[64], *eq = strchr(c->word[i], '=');

		if (!eq)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(eq - c->word[i]), c->word[i]);
		if (!strcmp(name, "backlog") || !strcmp(name, "port") || !strcmp(name, "flags"))
			continue;
		if (set_option(fd, name, eq + 1))
			return -1;
	}
	return 0;
}

static const char *word(const struct command *c, const char *name)
{
	size_t n = strlen(name);

	for (int i = 2; i < c->n; i++)
		if (!strncmp(c->word[i], name, n) && (c->word[i][n] == '=' || !c->word[i][n]))
			return c->word[i][n] ? c->word[i] + n + 1 : c->word[i];
	return NULL;
}

static long number(const struct command *c, const char *name, long other)
{
	const char *s = word(c, name);

	return s ? atol(s) : other;
}

static int message_flags(const struct command *c)
{
	static const struct {
		const char *name;
		int flag;
	} all[] = { { "more", MSG_MORE }, { "oob", MSG_OOB }, { "dontwait", MSG_DONTWAIT },
		{ "peek", MSG_PEEK }, { "waitall", MSG_WAITALL }, { "trunc", MSG_TRUNC },
		{ "fast", MSG_FASTOPEN }, { "zerocopy", MSG_ZEROCOPY }, { "eor", MSG_EOR } };
	int flags = MSG_NOSIGNAL;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (int j = 2; j < c->n; j++)
			if (!strcmp(c->word[j], all[i].name))
				flags |= all[i].flag;
	return flags;
}

/* ---- verbs ---- */

static int stream(void)
{
	return socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
}

static socklen_t address(struct sockaddr_storage *a, bool peer, int port)
{
	char text[64];

	memset(a, 0, sizeof(*a));
	if (peer)
		peer_address(id, v6, text, sizeof(text));
	if (v6) {
		struct sockaddr_in6 *s = (void *)a;

		s->sin6_family = AF_INET6;
		s->sin6_port = htons((uint16_t)port);
		if (peer)
			inet_pton(AF_INET6, text, &s->sin6_addr);
		return sizeof(*s);
	}
	struct sockaddr_in *s = (void *)a;

	s->sin_family = AF_INET;
	s->sin_port = htons((uint16_t)port);
	if (peer)
		inet_pton(AF_INET, text, &s->sin_addr);
	return sizeof(*s);
}

static void do_listen(struct command *c, int s)
{
	struct sockaddr_storage a;
	socklen_t len = address(&a, false, our_port(id));
	int one = 1, fd = slots[s] = stream();

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (set_words(fd, c, 2) || bind(fd, (struct sockaddr *)&a, len))
		result(c, -1);
	else
		result(c, listen(fd, (int)number(c, "backlog", 5)));
}

static void do_socket(struct command *c, int s)
{
	slots[s] = stream();
	result(c, set_words(slots[s], c, 2));
}

static void do_connect(struct command *c, int s)
{
	struct sockaddr_storage a;
	socklen_t len;
	int one = 1;

	if (slots[s] < 0) {
		slots[s] = stream();
		setsockopt(slots[s], SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		len = address(&a, false, our_port(id));
		if (bind(slots[s], (struct sockaddr *)&a, len)) {
			result(c, -1);
			return;
		}
	}
	if (set_words(slots[s], c, 2)) {
		result(c, -1);
		return;
	}
	if (word(c, "nonblock"))
		fcntl(slots[s], F_SETFL, O_NONBLOCK);
	sent[s] = got[s] = 0;
	len = address(&a, true, PEER_PORT);
	result(c, connect(slots[s], (struct sockaddr *)&a, len));
}

static void do_accept(struct command *c, int s)
{
	int l = number(c, "from", 0) ? (int)number(c, "from", 0) : 0, fd;

	if (word(c, "nonblock"))
		fcntl(slots[l], F_SETFL, O_NONBLOCK);
	fd = accept(slots[l], NULL, NULL);
	fcntl(slots[l], F_SETFL, 0);
	if (fd < 0) {
		result(c, -1);
		return;
	}
	slots[s] = fd;
	sent[s] = got[s] = 0;
	result(c, 0);
}

static void do_send(struct command *c, int s)
{
	size_t n = c->n > 2 ? (size_t)atol(c->word[2]) : 0;
	unsigned char *b = malloc(n + 1);
	struct sockaddr_storage a;
	struct iovec v = { b, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	long did;
	int e;

	for (size_t i = 0; i < n; i++)
		b[i] = pattern(sent[s] + i);
	if (word(c, "fast")) {
		if (slots[s] < 0)
			slots[s] = stream();
		m.msg_name = &a;
		m.msg_namelen = address(&a, true, PEER_PORT);
		sent[s] = got[s] = 0;
	}
	did = sendmsg(slots[s], &m, message_flags(c));
	e = errno;
	if (did > 0)
		sent[s] += (unsigned long)did;
	free(b);
	errno = e;
	result(c, did);
}

static void do_recv(struct command *c, int s)
{
	size_t n = c->n > 2 ? (size_t)atol(c->word[2]) : 0;
	unsigned char *b = malloc(n + 1);
	int flags = message_flags(c), e;
	long did = recv(slots[s], b, n, flags);

	e = errno;
	if (did > 0 && !(flags & (MSG_OOB | MSG_TRUNC))) {
		for (long i = 0; i < did; i++)
			if (b[i] != pattern(got[s] + (unsigned long)i)) {
				answer(c, "%ld wrong at %ld", did, i);
				free(b);
				return;
			}
		if (!(flags & MSG_PEEK))
			got[s] += (unsigned long)did;
	}
	if (did == 1 && flags & MSG_OOB)
		answer(c, "1 %c", b[0]);
	else {
		errno = e;
		result(c, did);
	}
	free(b);
}

/* Advances the pattern that received data is compared with by so many bytes. */
static void do_skip(struct command *c, int s)
{
	got[s] += (unsigned long)atol(c->word[2]);
	result(c, 0);
}

static void do_close(struct command *c, int s)
{
	int fd = slots[s];

	slots[s] = -1;
	result(c, close(fd));
}

static void do_shutdown(struct command *c, int s)
{
	result(c, shutdown(slots[s], !strcmp(c->word[2], "rd") ? SHUT_RD :
				     !strcmp(c->word[2], "wr") ? SHUT_WR :
								 SHUT_RDWR));
}

static void do_set(struct command *c, int s)
{
	result(c, set_option(slots[s], c->word[2], c->word[3]));
}

static void do_get(struct command *c, int s)
{
	const struct option *o = find_option(c->word[2]);
	socklen_t len = sizeof(int);
	int n = 0;

	if (!o || getsockopt(slots[s], o->level, o->opt, &n, &len))
		result(c, -1);
	else if (!strcmp(c->word[2], "error") && n)
		answer(c, "%s", error_name(n));
	else
		answer(c, "%d", n);
}

#define FIELD(f)                                                                                   \
	{                                                                                          \
#f, offsetof(struct tcp_info, tcpi_##f), sizeof(((struct tcp_info *)0)->tcpi_##f)  \
	}
static const struct {
	const char *name;
	size_t at, size;
} fields[] = { FIELD(state), FIELD(ca_state), FIELD(retransmits), FIELD(probes), FIELD(backoff),
	FIELD(options), FIELD(rto), FIELD(snd_mss), FIELD(rcv_mss), FIELD(unacked), FIELD(sacked),
	FIELD(lost), FIELD(retrans), FIELD(pmtu), FIELD(rtt), FIELD(snd_ssthresh), FIELD(snd_cwnd),
	FIELD(advmss), FIELD(reordering), FIELD(total_retrans), FIELD(bytes_acked),
	FIELD(bytes_received), FIELD(segs_out), FIELD(segs_in), FIELD(notsent_bytes),
	FIELD(data_segs_in), FIELD(data_segs_out), FIELD(bytes_sent), FIELD(bytes_retrans),
	FIELD(dsack_dups), FIELD(reord_seen), FIELD(snd_wnd), FIELD(rcv_ooopack), FIELD(min_rtt),
	FIELD(last_data_sent), FIELD(last_data_recv), FIELD(last_ack_recv), FIELD(busy_time),
	FIELD(rwnd_limited), FIELD(sndbuf_limited), FIELD(delivered), FIELD(delivered_ce),
	FIELD(ato) };

static void do_info(struct command *c, int s)
{
	struct tcp_info ti = { 0 };
	socklen_t len = sizeof(ti);
	char text[512] = "";

	if (getsockopt(slots[s], SOL_TCP_, TCP_INFO, &ti, &len)) {
		result(c, -1);
		return;
	}
	for (int i = 2; i < c->n; i++) {
		unsigned long v = 0;
		size_t at = strlen(text), f = 0, all = sizeof(fields) / sizeof(*fields);

		while (f < all && strcmp(fields[f].name, c->word[i]))
			f++;
		if (!strcmp(c->word[i], "syn_data"))
			v = !!(ti.tcpi_options & TCPI_OPT_SYN_DATA);
		else if (!strcmp(c->word[i], "fast_fail"))
			v = ti.tcpi_fastopen_client_fail;
		else if (f < all)
			memcpy(&v, (char *)&ti + fields[f].at, fields[f].size);
		snprintf(text + at, sizeof(text) - at, "%s%lu", at ? " " : "", v);
	}
	answer(c, "%s", text);
}

/*
 * Answers by how much each counter of TcpExt has grown since the last such command. A counter must
 * stand in one place of all these commands: the value of before is kept by place.
 */
static void do_count(struct command *c, int s)
{
	static unsigned long before[WORDS];
	char names[8192] = "", values[8192] = "", text[256] = "";
	FILE *f = fopen("/proc/net/netstat", "r");

	(void)s;
	while (f && fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f) &&
		strncmp(names, "TcpExt:", 7))
		;
	if (f)
		fclose(f);
	for (int i = 2; i < c->n; i++) {
		char *n, *v, *n_save, *v_save, all[2][8192];
		unsigned long now = 0;

		strcpy(all[0], names);
		strcpy(all[1], values);
		n = strtok_r(all[0], " \n", &n_save);
		v = strtok_r(all[1], " \n", &v_save);
		for (; n && v && strcmp(n, c->word[i]); n = strtok_r(NULL, " \n", &n_save))
			v = strtok_r(NULL, " \n", &v_save);
		if (n && v)
			now = strtoul(v, NULL, 10);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lu",
			i > 2 ? " " : "", now - before[i]);
		before[i] = now;
	}
	answer(c, "%s", text);
}

static void do_poll(struct command *c, int s)
{
	struct pollfd p = { slots[s], POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0 };
	static const struct {
		int bit;
		char c;
	} bits[] = { { POLLIN, 'i' }, { POLLOUT, 'o' }, { POLLPRI, 'p' }, { POLLERR, 'e' },
		{ POLLHUP, 'h' }, { POLLRDHUP, 'r' } };
	char text[8] = "-";
	int n = 0;

	if (word(c, "for"))
		p.events = (short)(*word(c, "for") == 'i' ? POLLIN : POLLOUT);
	poll(&p, 1, (int)number(c, "wait", 0));
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (p.revents & bits[i].bit)
			text[n++] = bits[i].c;
	answer(c, "%s", text);
}

static void do_queued(struct command *c, int s)
{
	int in = -1, outq = -1, unsent = -1, mark = -1;

	ioctl(slots[s], FIONREAD, &in);
	ioctl(slots[s], SIOCOUTQ, &outq);
	ioctl(slots[s], SIOCOUTQNSD, &unsent);
	ioctl(slots[s], SIOCATMARK, &mark);
	answer(c, "in %d out %d unsent %d mark %d", in, outq, unsent, mark);
}

static void do_urgent(struct command *c, int s)
{
	(void)s;
	answer(c, "%d", urgent);
}

static void do_v6(struct command *c, int s)
{
	(void)s;
	v6 = true;
	result(c, 0);
}

/* Reads what comes until nothing comes for wait= milliseconds. Answers how many bytes came. */
static void do_drain(struct command *c, int s)
{
	long all = 0, n;
	char b[65536];
	struct pollfd p = { slots[s], POLLIN, 0 };

	while (poll(&p, 1, (int)number(c, "wait", 100)) > 0) {
		n = recv(slots[s], b, sizeof(b), MSG_DONTWAIT);
		if (n <= 0)
			break;
		all += n;
	}
	got[s] += (unsigned long)all;
	answer(c, "%ld", all);
}

static void do_sysctl(struct command *c, int s)
{
	char path[256];
	int fd, n;

	(void)s;
	snprintf(path, sizeof(path), "/proc/sys/%s", c->word[2]);
	fd = open(path, O_RDWR);
	if (fd < 0) {
		result(c, -1);
		return;
	}
	n = (int)write(fd, c->word[3], strlen(c->word[3]));
	close(fd);
	result(c, n < 0 ? -1 : 0);
}

static const struct {
	const char *verb;
	void (*run)(struct command *c, int slot);
} verbs[] = { { "listen", do_listen }, { "socket", do_socket }, { "connect", do_connect },
	{ "accept", do_accept }, { "send", do_send }, { "recv", do_recv }, { "skip", do_skip },
	{ "close", do_close }, { "shutdown", do_shutdown }, { "set", do_set }, { "get", do_get },
	{ "info", do_info }, { "poll", do_poll }, { "queued", do_queued }, { "urgent", do_urgent },
	{ "v6", do_v6 }, { "drain", do_drain }, { "sysctl", do_sysctl }, { "count", do_count } };

static void *run(void *p)
{
	struct command *c = p;
	int s = c->n > 1 ? atoi(c->word[1]) : 0;
	size_t i, all = sizeof(verbs) / sizeof(*verbs);

	for (i = 0; i < all && strcmp(verbs[i].verb, c->word[0]); i++)
		;
	if (i == all || s < 0 || s >= SLOTS)
		answer(c, "what is %s?", c->word[0]);
	else
		verbs[i].run(c, s);
	free(c);
	return NULL;
}

static void on_urgent(int sig)
{
	(void)sig;
	urgent++;
}

/* ---- one process an ID ---- */

static void child(int in)
{
	FILE *f = fdopen(in, "r");
	char line[1024];

	signal(SIGURG, on_urgent);
	for (int i = 0; i < SLOTS; i++)
		slots[i] = -1;
	while (fgets(line, sizeof(line), f)) {
		struct command *c = calloc(1, sizeof(*c));
		char *save;
		pthread_t t;

		snprintf(c->line, sizeof(c->line), "%s", line);
		c->async = c->line[0] == '&';
		for (char *w = strtok_r(c->line + c->async, " \n", &save); w && c->n < WORDS;
			w = strtok_r(NULL, " \n", &save))
			c->word[c->n++] = w;
		if (!c->n || !strcmp(c->word[0], "end"))
			break;
		if (!c->async)
			run(c);
		else if (pthread_create(&t, NULL, run, c))
			_exit(1);
	}
	_exit(0);
}

int main(void)
{
	static int pipes[MAX_ID + 1];
	char line[1024];

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		char *text;
		long n = strtol(line, &text, 10);

		if (n < 1 || n > MAX_ID)
			continue;
		if (!pipes[n]) {
			int p[2];

			if (pipe2(p, O_CLOEXEC))
				return 1;
			pipes[n] = p[1];
			if (!fork()) {
				for (int i = 1; i <= MAX_ID; i++)
					if (pipes[i])
						close(pipes[i]);
				id = (int)n;
				child(p[0]);
			}
			close(p[0]);
		}
		text += *text == ' ';
		if (write(pipes[n], text, strlen(text)) < 0 || !strncmp(text, "end", 3)) {
			close(pipes[n]);
			pipes[n] = 0;
		}
	}
	return 0;
}
