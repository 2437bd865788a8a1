/* SPDX-License-Identifier: MIT */
/*
 * play.c: the statements of one script, in order. README says what they mean.
 *
 * What comes is queued with its time as soon as anything is waited for, so that the order of frames
 * and answers of the agent does not matter. A failure anywhere ends the script (fail()).
 */
#include "play.h"

#include <ctype.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "numbers.h"

#define WORDS 40
#define PATIENCE 3.0 /* seconds, without an @T */
#define QUEUE 512
/* seconds that the stack measures: a short one makes its tail probes early */
#define ROUND_TRIP "0.04"
#define CONNECTIONS 8

/*
 * The state of the connection of a port of the peer. @heard: @iss is known. @ts: segments have
 * timestamps, @tsecr is the last of the stack's.
 */
struct connection {
	uint16_t port, their_port;
	uint32_t isn, iss, next; /* ours, theirs, our ACK */
	bool heard, ts;
	uint32_t tsecr;
};

struct arrived {
	double when;
	struct segment s;
	const char *why;
};

static const struct script *script;
static const struct wires *wires;
static jmp_buf out;
static char *reason;
static size_t reason_size;
static int at_line;
static struct connection connections[CONNECTIONS], *c;
static struct arrived queue[QUEUE];
static int queued;
/* when the last statement happened: @T counts from here */
static double last;
static char pending[16][256], answered[16][256];
static int nr_pending, nr_answered;
static char partial[2048];
static size_t partial_len;
static char *word[WORDS];
static int words;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
	va_list ap;
	int n = snprintf(reason, reason_size, "%s:%d: ", script->file, at_line);

	va_start(ap, format);
	vsnprintf(reason + n, reason_size - (size_t)n, format, ap);
	va_end(ap);
	longjmp(out, 1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t clock_ms(void)
{
	return (uint32_t)(now() * 1000);
}

/* ---- what comes ---- */

static void take_frame(void)
{
	static uint8_t f[FRAME_MAX];
	ssize_t n = read(wires->frames, f, sizeof(f));
	struct arrived *a = &queue[queued];

	if (n <= 0)
		fail("the link is gone");
	if (queued == QUEUE)
		fail("too many frames");
	a->when = now();
	if (!segment_parse(&wires->ends, f, (size_t)n, &a->s, &a->why))
		return;
	a->s.good_data = true;
	a->s.data_at = 0;
	for (int i = 0; i < CONNECTIONS; i++)
		if (connections[i].port == a->s.dport && connections[i].heard) {
			uint32_t from = a->s.seq - connections[i].iss - 1;

			for (uint32_t j = 0; j < a->s.len; j++)
				a->s.good_data &= a->s.payload[j] == pattern(from + j);
		}
	queued++;
}

static void take_line(char *text)
{
	if (*text == '&') {
		if (nr_pending < 16)
			snprintf(pending[nr_pending++], 256, "%s", text + 1);
	} else if (nr_answered < 16)
		snprintf(answered[nr_answered++], 256, "%s", text);
}

static void take_lines(void)
{
	ssize_t n = read(wires->lines_in, partial + partial_len, sizeof(partial) - partial_len - 1);
	char *nl;

	if (n <= 0)
		fail("the agent is gone");
	partial_len += (size_t)n;
	partial[partial_len] = 0;
	while ((nl = strchr(partial, '\n'))) {
		*nl = 0;
		take_line(partial);
		partial_len -= (size_t)(nl + 1 - partial);
		memmove(partial, nl + 1, partial_len + 1);
	}
}

/*
 * Waits for a frame or a line until @until, and queues what came. Returns false if nothing came and
 * it is @until.
 */
static bool wait_any(double until)
{
	struct pollfd p[2] = { { wires->frames, POLLIN, 0 }, { wires->lines_in, POLLIN, 0 } };
	double left = until - now();

	if (poll(p, 2, left > 0 ? (int)(left * 1000) + 1 : 0) <= 0)
		return now() < until;
	if (p[0].revents)
		take_frame();
	if (p[1].revents)
		take_lines();
	return true;
}

static struct arrived *first_queued(uint16_t port)
{
	for (int i = 0; i < queued; i++)
		if (queue[i].s.dport == port)
			return &queue[i];
	return NULL;
}

static struct arrived next_segment(double until, bool *none)
{
	struct arrived a = { 0 }, *q;

	*none = false;
	while (!(q = first_queued(c->port)))
		if (!wait_any(until)) {
			*none = !first_queued(c->port);
			if (*none)
				return a;
		}
	a = *q;
	queued--;
	memmove(q, q + 1, (size_t)(queue + queued - q) * sizeof(*q));
	if (a.why)
		fail("%s", a.why);
	return a;
}

/* ---- describing ---- */

static void describe(const struct segment *s, char *b, size_t size)
{
	static const char letters[] = "FSRPAUEC";
	char fl[9];
	int n = 0, at;

	for (int i = 0; i < 8; i++)
		if (s->flags & 1 << i)
			fl[n++] = letters[i];
	fl[n] = 0;
	at = snprintf(b, size, "%s %u+%u ack %u win %u", n ? fl : ".", s->seq - c->iss, s->len,
		s->flags & F_ACK ? s->ack - c->isn : 0, s->win);
	if (s->mss)
		at += snprintf(b + at, size - (size_t)at, " mss %u", s->mss);
	if (s->ws >= 0)
		at += snprintf(b + at, size - (size_t)at, " ws %d", s->ws);
	if (s->sackok)
		at += snprintf(b + at, size - (size_t)at, " sackok");
	if (s->ts)
		at += snprintf(b + at, size - (size_t)at, " ts %u:%u", s->tsval, s->tsecr);
	if (s->flags & F_URG)
		at += snprintf(b + at, size - (size_t)at, " urg %u", s->urg);
	if (s->cookie_len != NO_COOKIE)
		at += snprintf(b + at, size - (size_t)at, " cookie %d", s->cookie_len);
	for (int i = 0; i < s->nr_sack; i++)
		at += snprintf(b + at, size - (size_t)at, "%s%u-%u", i ? "," : " sack ",
			s->sack[i][0] - c->isn, s->sack[i][1] - c->isn);
	if (s->tos & 3)
		snprintf(b + at, size - (size_t)at, " ecn %d", s->tos & 3);
}

/* ---- words ---- */

static int flag_bits(const char *s)
{
	static const char letters[] = "FSRPAUEC";
	int bits = 0;

	if (!strcmp(s, "."))
		return 0;
	for (; *s; s++) {
		const char *l = strchr(letters, *s);

		if (!l)
			fail("no flags: %s", s);
		bits |= 1 << (l - letters);
	}
	return bits;
}

/* Returns the word that follows the word @name, or NULL. */
static const char *after(const char *name)
{
	for (int i = 1; i + 1 < words; i++)
		if (!strcmp(word[i], name))
			return word[i + 1];
	return NULL;
}

static bool has(const char *name)
{
	for (int i = 1; i < words; i++)
		if (!strcmp(word[i], name))
			return true;
	return false;
}

/*
 * Reads a word @T or @LOW..HIGH: the seconds after @last between which a segment must come. Returns
 * false if the statement has no such word.
 */
static bool window(double *low, double *high)
{
	for (int i = 1; i < words; i++) {
		char *dots;

		if (word[i][0] != '@')
			continue;
		*low = strtod(word[i] + 1, NULL);
		dots = strstr(word[i], "..");
		if (dots) {
			*high = strtod(dots + 2, NULL);
		} else {
			*high = *low * 1.1 + 0.080;
			*low = *low * 0.9 - 0.015;
		}
		*high += (wires->slack - 1) * (0.08 + *high * 0.1);
		return true;
	}
	return false;
}

/* Returns N of a word xN, or 1. */
static int times(void)
{
	for (int i = 1; i < words; i++)
		if (word[i][0] == 'x' && isdigit((unsigned char)word[i][1]))
			return atoi(word[i] + 1);
	return 1;
}

/* Reads SEQ or SEQ+LEN. */
static void read_range(const char *w, uint32_t *seq, uint32_t *len)
{
	char *plus = strchr(w, '+');

	*seq = (uint32_t)strtoll(w, NULL, 10);
	*len = plus ? (uint32_t)strtoul(plus + 1, NULL, 10) : 0;
}

static int read_sacks(const char *text, uint32_t base, uint32_t sack[4][2])
{
	int n = 0;

	for (const char *p = text; p && n < 4; p = strchr(p, ','), p = p ? p + 1 : NULL) {
		char *dash;

		sack[n][0] = base + (uint32_t)strtoul(p, &dash, 10);
		sack[n++][1] = base + (uint32_t)strtoul(dash + 1, NULL, 10);
	}
	return n;
}

/* ---- sending ---- */

static void send_frame(const uint8_t *f, size_t n)
{
	if (write(wires->frames, f, n) != (ssize_t)n)
		fail("the link does not take a frame");
}

static void send_options(struct segment *s)
{
	const char *t = after("ts");

	s->mss = after("mss") ? (uint32_t)atoi(after("mss")) : 0;
	s->ws = after("ws") ? atoi(after("ws")) : -1;
	s->sackok = has("sackok");
	if (after("sack"))
		s->nr_sack = read_sacks(after("sack"), c->iss, s->sack);
	s->cookie_len = NO_COOKIE;
	s->exp = has("exp");
	if (has("askcookie"))
		s->cookie_len = 0;
	if (after("cookie")) {
		s->cookie_len = (int)strlen(after("cookie")) / 2;
		for (int i = 0; i < s->cookie_len; i++)
			sscanf(after("cookie") + 2 * i, "%2hhx", &s->cookie[i]);
	}
	s->ts = (has("ts") || c->ts) && !has("nots") && (!(s->flags & F_RST) || has("ts"));
	s->tsval = clock_ms();
	s->tsecr = s->flags & F_ACK || has("ecr") ? c->tsecr : 0;
	if (t && isdigit((unsigned char)*t))
		s->tsval = (uint32_t)strtoul(t, NULL, 10);
	if (t && *t == '-') /* so many ms ago */
		s->tsval -= (uint32_t)atoi(t + 1);
	if (after("ecr"))
		s->tsecr = (uint32_t)strtoul(after("ecr"), NULL, 10);
	if (s->flags & F_SYN && has("ts"))
		c->ts = true;
}

static void do_send(void)
{
	struct segment s = { .ttl = 64 };
	uint8_t f[FRAME_MAX];
	uint32_t seq, len;
	const char *ack = after("ack");

	s.flags = (uint8_t)flag_bits(word[1]);
	read_range(word[2], &seq, &len);
	s.sport = c->port;
	s.dport = c->their_port;
	s.len = len;
	s.ack = s.flags & F_ACK ? c->next : 0;
	if (ack)
		s.ack = c->iss + (uint32_t)strtoll(ack, NULL, 10);
	s.win = after("win") ? (uint32_t)atoi(after("win")) : 65535;
	s.urg = after("urg") ? (uint32_t)atoi(after("urg")) : 0;
	s.tos = (uint8_t)(has("ce") ? 3 : has("ect") ? 2 : 0);
	s.bad_sum = has("badsum");
	send_options(&s);
	for (int i = 0; i < times(); i++) {
		s.seq = c->isn + seq;
		s.data_at = seq - !(s.flags & F_SYN);
		last = now();
		send_frame(f, segment_make(&wires->ends, &s, f));
		seq += len;
	}
}

/* ---- expecting ---- */

static void hear(const struct segment *s)
{
	uint32_t end = s->seq + s->len + !!(s->flags & F_SYN) + !!(s->flags & F_FIN);
	char b[512];

	if (getenv("TRACE")) {
		describe(s, b, sizeof(b));
		fprintf(stderr, "%.3f %s:%d %s\n", now() - last, script->file, at_line, b);
	}
	if (s->flags & F_SYN && !c->heard) {
		c->iss = s->seq;
		c->next = s->seq + 1;
		c->heard = true;
		if (!(s->flags & F_ACK))
			c->their_port = s->sport;
	}
	if (s->seq == c->next || (int32_t)(end - c->next) > 0)
		c->next = (int32_t)(s->seq - c->next) <= 0 ? end : c->next;
	if (s->ts)
		c->tsecr = s->tsval;
}

static void want(bool good, const struct segment *s, const char *what)
{
	char b[512];

	if (good)
		return;
	describe(s, b, sizeof(b));
	fail("%s: came %s", what, b);
}

static void want_number(const char *name, uint32_t got, const struct segment *s)
{
	const char *w = after(name), *dots = w ? strstr(w, "..") : NULL;
	uint32_t low = w ? (uint32_t)strtoul(w, NULL, 10) : 0,
		 high = dots ? (uint32_t)strtoul(dots + 2, NULL, 10) : low;

	if (w)
		want(got >= low && got <= high, s, name);
}

static void want_options(const struct segment *s)
{
	uint32_t sack[4][2];
	int n;

	want_number("mss", s->mss, s);
	want_number("ws", (uint32_t)s->ws, s);
	if (after("mss") || s->flags & F_SYN)
		want(!has("sackok") || s->sackok, s, "sackok");
	want(!has("nosack") || !s->sackok, s, "nosack");
	want(!has("nows") || s->ws < 0, s, "nows");
	want(!has("ts") || s->ts, s, "ts");
	want(!has("nots") || !s->ts, s, "nots");
	want_number("ecr", s->tsecr, s);
	n = after("sack") ? read_sacks(after("sack"), c->isn, sack) : 0;
	if (!has("anysack"))
		want(s->nr_sack == n && !memcmp(sack, s->sack, (size_t)n * 8), s, "SACK blocks");
	if (after("cookie"))
		want_number("cookie", (uint32_t)s->cookie_len, s);
	if (after("cookie"))
		want(s->exp == has("exp"), s, "kind of the cookie's option");
	else
		want(s->cookie_len == NO_COOKIE || has("anycookie"), s, "no cookie");
}

static void want_segment(const struct segment *s, uint32_t seq, uint32_t len)
{
	int flags = flag_bits(word[1]), mask = flags & F_PSH ? 0xff : 0xff & ~F_PSH;

	want((s->flags & mask) == flags, s, "flags");
	want(!has("nopush") || !(s->flags & F_PSH), s, "no PSH");
	if (flags & F_SYN && !c->heard)
		hear(s);
	if (strcmp(word[2], "*")) {
		want(s->seq - c->iss == seq, s, "seq");
		if (!strstr(word[2], "+*"))
			want(s->len == len, s, "length");
	}
	if (after("ack"))
		want(s->ack - c->isn == (uint32_t)strtoll(after("ack"), NULL, 10), s, "ack");
	want_number("win", s->win, s);
	want_number("urg", s->urg, s);
	want_number("ecn", s->tos & 3, s);
	want_number("ttl", s->ttl, s);
	want(s->good_data || has("anydata") || flags & F_SYN, s, "payload");
	want_options(s);
}

static void do_expect(void)
{
	double low = 0, high = PATIENCE;
	bool timed = window(&low, &high), none;
	uint32_t seq, len;

	read_range(word[2], &seq, &len);
	for (int i = 0; i < times(); i++, seq += len) {
		struct arrived a = next_segment(last + high, &none);

		if (none)
			fail("nothing came within %.3f s", high);
		want_segment(&a.s, seq, len);
		if (timed && !i && (a.when - last < low || a.when - last > high))
			fail("it came after %.3f s, not %.3f to %.3f", a.when - last, low, high);
		hear(&a.s);
		last = a.when;
	}
}

/* Takes segments like the given one for a while; there may be none. */
static void do_maybe(void)
{
	bool none;
	struct arrived a;
	uint32_t seq, len;
	double from = now();

	read_range(word[2], &seq, &len);
	for (;;) {
		a = next_segment(from + (after("for") ? atof(after("for")) : 0.02), &none);
		if (none)
			return;
		want_segment(&a.s, seq, len);
		hear(&a.s);
		last = a.when;
	}
}

static void do_quiet(void)
{
	bool none;
	struct arrived a = next_segment(now() + atof(word[1]), &none);

	if (!none)
		want(false, &a.s, "quiet");
	last = now();
}

static void do_swallow(void)
{
	double until = now() + atof(word[1]);
	bool none;

	for (;;) {
		struct arrived a = next_segment(until, &none);

		if (none)
			break;
		hear(&a.s);
	}
	last = now();
}

/* ---- the agent ---- */

/*
 * Takes the next of the @nr answers @got into @text[256], which it waits for until @until. Returns
 * true if it is @wanted, or if that is "*".
 */
static bool take_answer(char *got, int *nr, const char *wanted, char *text, double until)
{
	while (!*nr)
		if (!wait_any(until) && !*nr)
			fail("no answer");
	snprintf(text, 256, "%s", got);
	--*nr;
	memmove(got, got + 256, (size_t)*nr * 256);
	return wanted && (!strcmp(wanted, "*") || !strcmp(text, wanted));
}

/*
 * Takes an answer as take_answer() does and fails if it is not @wanted. @wanted NULL: fails if it
 * is an error.
 */
static void want_answer(char *got, int *nr, const char *wanted, double until)
{
	char text[256];

	if (take_answer(got, nr, wanted, text, until))
		return;
	if (!wanted) {
		if (text[0] == '-' && text[1])
			fail("the call says %s", text);
	} else {
		fail("the call says '%s', not '%s'", text, wanted);
	}
}

static void tell(const char *text)
{
	char line[1100];
	int n = snprintf(line, sizeof(line), "%d %s\n", wires->id, text);

	if (write(wires->lines_out, line, (size_t)n) != n)
		fail("the agent is gone");
}

/* Cuts "TEXT = RESULT" in two. Returns the result, or NULL if there is none. */
static char *result_of(char *text)
{
	char *eq = strstr(text, " = ");

	if (!eq)
		return NULL;
	*eq = 0;
	eq += 3;
	return eq;
}

/*
 * True if the command only reads state. A segment sent before may still be on its way, so such a
 * command is repeated for a while.
 */
static bool asks(const char *text)
{
	return !strncmp(text, "queued ", 7) || !strncmp(text, "info ", 5) ||
	       !strncmp(text, "poll ", 5);
}

static void command(char *text)
{
	char *wanted = result_of(text), got[256];
	double until = now() + 2;

	last = now();
	tell(text);
	while (wanted && asks(text) && now() < until) {
		if (take_answer(answered[0], &nr_answered, wanted, got, now() + 10))
			return;
		wait_any(now() + 0.01);
		tell(text);
	}
	if (text[0] != '&')
		want_answer(answered[0], &nr_answered, wanted, now() + 10);
}

static void do_answer(char *text)
{
	double until = now() + 10;
	char *w = strstr(text, "= ");

	want_answer(pending[0], &nr_pending, w ? w + 2 : NULL, until);
	last = now();
}

/* ---- statements made of others ---- */

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void do_established(void)
{
	char options[256] = "", to_agent[256] = "";
	bool active = has("active");

	for (int i = 1; i < words; i++) {
		char *to = strchr(word[i], '=') ? to_agent : options;

		if (!strcmp(word[i], "active") || !strcmp(word[i], "passive"))
			continue;
		strcat(strcat(to, " "), word[i]);
	}
	if (!strstr(options, "mss"))
		strcat(options, " mss 1000");
	if (!strstr(options, "nosack"))
		strcat(options, " sackok");
	if (!strstr(options, "nows") && !strstr(options, " ws"))
		strcat(options, " ws 0");
	if (active) {
		run("$ &connect 1%s", to_agent);
		run("< S 0");
		run("sleep " ROUND_TRIP);
		run("> SA 0 %s", options);
		run("< A 1 ack 1");
		run("& = 0");
	} else {
		run("$ listen 0%s", to_agent);
		run("> S 0 %s", options);
		run("< SA 0 ack 1");
		run("sleep " ROUND_TRIP);
		run("> A 1%s", strstr(options, "win") ? strstr(options, " win") : "");
		run("$ accept 1 = 0");
	}
}

static void do_port(void)
{
	uint16_t port = (uint16_t)atoi(word[1]);

	for (c = connections; c < connections + CONNECTIONS - 1 && c->port && c->port != port; c++)
		;
	if (c->port != port) {
		*c = (struct connection){ .port = port,
			.their_port = (uint16_t)our_port(wires->id),
			.isn = (uint32_t)wires->id * 7919000U + port };
	}
}

/* icmp frag MTU SEQ, or icmp TYPE CODE SEQ */
static void do_icmp(void)
{
	bool frag = !strcmp(word[1], "frag");
	int type = frag ? (wires->ends.v6 ? 2 : 3) : atoi(word[1]),
	    code = frag ? (wires->ends.v6 ? 0 : 4) : atoi(word[2]);
	uint32_t value = frag ? (uint32_t)atoi(word[2]) : 0;
	uint8_t f[256];

	last = now();
	send_frame(f, icmp_make(&wires->ends, type, code, value, c->their_port, c->port,
			      c->iss + (uint32_t)strtoll(word[3], NULL, 10), f));
}

static void do_isn(void)
{
	c->isn = (uint32_t)strtoul(word[1], NULL, 10);
}

/* Makes the next SYN, with or without ACK, begin a new connection. */
static void do_again(void)
{
	c->heard = false;
	c->ts = false;
}

static void do_sleep(void)
{
	double until = now() + atof(word[1]);

	while (wait_any(until))
		;
	last = now();
}

static const struct {
	const char *word;
	void (*run)(void);
} statements[] = { { ">", do_send }, { "<", do_expect }, { "maybe", do_maybe },
	{ "quiet", do_quiet }, { "swallow", do_swallow }, { "sleep", do_sleep },
	{ "established", do_established }, { "port", do_port }, { "icmp", do_icmp },
	{ "isn", do_isn }, { "again", do_again } };

static void statement(const char *text)
{
	char *line = strdup(text), *save;
	size_t all = sizeof(statements) / sizeof(*statements), i;

	if (line[0] == '$') {
		command(line + 1 + strspn(line + 1, " "));
		return;
	}
	if (line[0] == '&') {
		do_answer(line);
		return;
	}
	words = 0;
	for (char *w = strtok_r(line, " \t", &save); w && words < WORDS;
		w = strtok_r(NULL, " \t", &save))
		word[words++] = w;
	for (i = 0; i < all && strcmp(statements[i].word, word[0]); i++)
		;
	if (i == all || (words < 2 && strcmp(word[0], "again")))
		fail("what is %s?", text);
	statements[i].run();
}

static void run(const char *format, ...)
{
	char text[600], *keep[WORDS];
	int n = words;
	va_list ap;

	memcpy(keep, word, sizeof(keep));
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	statement(text);
	memcpy(word, keep, sizeof(keep));
	words = n;
}

int play(const struct script *s, const struct wires *w, char *why, size_t size)
{
	static char first[16];

	script = s;
	wires = w;
	reason = why;
	reason_size = size;
	if (setjmp(out))
		return 1;
	snprintf(first, sizeof(first), "port %d", PEER_PORT);
	statement(first);
	last = now();
	if (s->v6)
		command(strdup("v6 0"));
	for (int i = 0; i < s->nr; i++) {
		at_line = s->number[i];
		statement(s->line[i]);
	}
	return 0;
}
