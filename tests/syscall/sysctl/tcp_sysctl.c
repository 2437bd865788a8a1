/* SPDX-License-Identifier: MIT */
/*
 * tcp_sysctl: settings of a namespace's owner for TCP: valid numbers and their effect, as the peer
 * of a connection sees it.
 */
#include "put.h"
#include "wire.h"

#define IPV4 "/proc/sys/net/ipv4/"

static long tell(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), IPV4 "%s", name);
	return put(path, value);
}

static const char *told(const char *name)
{
	static char text[128];
	char path[128];
	int fd;

	snprintf(path, sizeof(path), IPV4 "%s", name);
	memset(text, 0, sizeof(text));
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return strerror(errno);
	close(fd);
	text[strcspn(text, "\n")] = 0;
	return text;
}

static void numbers(void)
{
	static const char *const names[] = { "tcp_max_syn_backlog", "tcp_reordering",
		"tcp_max_reordering", "tcp_early_retrans", "tcp_rto_min_us", "tcp_rto_max_ms",
		"tcp_min_rtt_wlen", "tcp_min_snd_mss", "tcp_workaround_signed_windows",
		"tcp_rfc1337", "tcp_ecn_fallback", "tcp_challenge_ack_limit",
		"tcp_abort_on_overflow", "tcp_thin_linear_timeouts", "tcp_sack", "tcp_timestamps",
		"tcp_window_scaling", "tcp_syncookies", "tcp_syn_retries", "tcp_synack_retries",
		"tcp_retries2", "tcp_orphan_retries", "tcp_slow_start_after_idle",
		"tcp_moderate_rcvbuf", "tcp_fastopen", "tcp_notsent_lowat" };
	static const char *const values[] = { "-1", "0", "1", "2", "4", "5", "47", "48", "255",
		"256", "300", "301", "999", "1000", "65535", "65536", "86400", "86401", "120000",
		"120001", "2147483647", "2147483648", "4294967295", "4294967296", "0x403",
		"0x70403", "x" };
	char took[256], was[32];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(was, sizeof(was), "%s", told(names[i]));
		took[0] = 0;
		for (unsigned k = 0; k < sizeof(values) / sizeof(values[0]); k++)
			if (tell(names[i], values[k]) > 0)
				snprintf(took + strlen(took), sizeof(took) - strlen(took), " %s",
					values[k]);
		/* how many SYNs wait depends on the machine's memory */
		say("%s: %s; takes%s", names[i], i ? was : "", took);
		T(tell(names[i], was) > 0);
	}
	say("udp_hash_entries: %d", atoi(told("udp_hash_entries")) < 0);
	say("tcp_ehash_entries: %d", atoi(told("tcp_ehash_entries")) < 0);
}

static struct tcp_info info(int fd)
{
	struct tcp_info i = { 0 };
	socklen_t n = sizeof(i);

	NEED(getsockopt(fd, SOL_TCP, TCP_INFO, &i, &n));
	return i;
}

/* Returns tcpi_min_rtt, which libc's struct does not have. */
static uint32_t least_rtt(int fd)
{
	uint32_t all[64] = { 0 };
	socklen_t n = sizeof(all);

	NEED(getsockopt(fd, SOL_TCP, TCP_INFO, all, &n));
	return all[148 / 4];
}

static uint32_t unacked(int fd)
{
	struct tcp_info i;
	socklen_t n = sizeof(i);

	NEED(getsockopt(fd, SOL_TCP, TCP_INFO, &i, &n));
	return i.tcpi_unacked;
}

static long ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- losses ---- */

static const uint8_t plain[] = { 2, 4, 3, 232 }, with_sack[] = { 2, 4, 3, 232, 1, 1, 4, 2 };

#define PATIENCE 100000 /* ms, for what must come */

/*
 * Reads what is on its way. *@first gets the sequence number of the first segment with data.
 * Returns how many segments there were.
 */
static int drain(uint32_t *first)
{
	struct seg s;
	int n = 0;

	wire_ask();
	for (bool any = false; seg_before_answer(&s); n++)
		if (s.len && !any && first) {
			*first = s.seq;
			any = true;
		}
	return n;
}

/* Prints after how many duplicate ACKs the first segment is sent again, without SACK. */
static void duplicates(void)
{
	static char data[9000];
	static uint16_t port = 700;
	struct seg last, s;
	uint32_t first = 0;
	int fd = seg_connected(++port, plain, sizeof(plain), &last), n = 0;

	/* the first may say something of the window */
	seg_send(&last);
	NEED(send(fd, data, sizeof(data), 0));
	drain(&first);
	for (bool again = false; !again && n < 9;) {
		seg_send(&last);
		n++;
		wire_ask();
		while (seg_before_answer(&s))
			again = again || (s.len && s.seq == first);
	}
	say("reordering %s: goes again after %d duplicates", told("tcp_reordering"), n);
	seg_abort(fd);
	drain(NULL);
}

static void reordering(void)
{
	int before = NEED(socket(AF_INET, SOCK_STREAM, 0)), fd;

	T(tell("tcp_rto_min_us", "3000000")); /* the timer stays out of it */
	duplicates();
	T(tell("tcp_reordering", "6"));
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	say("before %u, after %u", info(before).tcpi_reordering, info(fd).tcpi_reordering);
	duplicates();
	T(tell("tcp_rto_min_us", "200000"));
	T(tell("tcp_reordering", "3"));
	close(before);
	close(fd);
}

/* Sends SACKs by which the first of eight segments comes last. */
static void late(const char *most)
{
	static char data[8000];
	static uint16_t port = 720;
	struct seg last;
	uint32_t first = 0, be[2];
	int fd;

	T(tell("tcp_max_reordering", most));
	fd = seg_connected(++port, with_sack, sizeof(with_sack), &last);
	NEED(send(fd, data, sizeof(data), 0));
	drain(&first);
	be[0] = htonl(first + 7000);
	be[1] = htonl(first + 8000);
	last.nopts = 12;
	memcpy(last.opts, (uint8_t[]){ 1, 1, 5, 10 }, 4);
	memcpy(last.opts + 4, be, 8);
	seg_send(&last); /* the last of them has come */
	be[0] = htonl(first + 1000);
	memcpy(last.opts + 4, be, 8);
	seg_send(&last); /* and those before it */
	drain(NULL);
	say("at most %s: reordering %u", most, info(fd).tcpi_reordering);
	seg_abort(fd);
	drain(NULL);
}

/* Prints how soon the tail of the data is sent again. */
static void probe(const char *kind)
{
	static char data[2000];
	static uint16_t port = 740;
	struct seg last, s;
	uint32_t end;
	long sent;
	int fd;

	T(tell("tcp_early_retrans", kind));
	fd = seg_connected(++port, with_sack, sizeof(with_sack), &last);
	end = last.ack;
	sent = ms();
	NEED(send(fd, data, sizeof(data), 0));
	while (seg_read(&s, PATIENCE) && (int)(s.seq + s.len - end) > 0)
		end = s.seq + s.len;
	say("early retransmission %s: %s", kind, ms() - sent < 3000 ? "a probe" : "the timer");
	seg_abort(fd);
	drain(NULL);
}

static long third(void)
{
	static uint16_t port = 760;
	struct seg last, s;
	int n = 0, fd = seg_connected(++port, with_sack, sizeof(with_sack), &last);
	long sent;

	sent = ms();
	NEED(send(fd, "x", 1, 0));
	while (n < 4 && seg_read(&s, PATIENCE))
		n += !!s.len;
	sent = ms() - sent;
	seg_abort(fd);
	drain(NULL);
	return sent;
}

/* Takes the shortest RTO of several connections, as a slow peer makes it longer. */
static unsigned short_rto(void)
{
	static uint16_t port = 780;
	unsigned least = UINT_MAX;

	for (int i = 0; i < 10 && least >= 150000; i++) {
		struct seg last;
		int fd = seg_connected(++port, with_sack, sizeof(with_sack), &last);
		unsigned rto = info(fd).tcpi_rto;

		least = rto < least ? rto : least;
		seg_abort(fd);
	}
	return least;
}

/* Returns how long an unanswered connection takes for so many SYNs. */
static long syns(int n)
{
	struct sockaddr_in a = at("10.9.0.2", 799);
	int fd = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	long since = ms();
	struct seg s;

	T(connect(fd, SA(&a), sizeof(a)));
	while (n--)
		NEED(seg_read(&s, PATIENCE) ? 0 : -1);
	since = ms() - since;
	seg_abort(fd);
	return since;
}

static void timeouts(void)
{
	T(tell("tcp_rto_min_us", "3000000"));
	probe("0");
	probe("3");
	T(tell("tcp_rto_min_us", "500000"));
	T(tell("tcp_early_retrans", "0"));
	say("the third retransmission: %d", third() >= 3500);
	T(tell("tcp_thin_linear_timeouts", "1"));
	say("the third retransmission, thin: %d", third() >= 3500);
	T(tell("tcp_thin_linear_timeouts", "0"));
	T(tell("tcp_early_retrans", "3"));
	T(tell("tcp_rto_min_us", "20000"));
	say("RTO of a short way: %d", short_rto() < 150000);
	T(tell("tcp_rto_min_us", "200000"));
	say("RTO of a short way: %d", short_rto() < 150000);
	T(tell("tcp_rto_max_ms", "1000"));
	T(tell("tcp_syn_linear_timeouts", "0"));
	drain(NULL);
	say("four times in less than seven seconds: %d", syns(4) < 7000);
	T(tell("tcp_syn_linear_timeouts", "4"));
	T(tell("tcp_rto_max_ms", "120000"));
}

/* Returns the shortest round trip after two of them, the second of which took longer. */
static uint32_t rtt_of_two(void)
{
	static char data[1000];
	static uint16_t port = 800;
	struct seg last, s;
	uint32_t rtt;
	int fd;

	fd = seg_connected(++port, with_sack, sizeof(with_sack), &last);
	for (int i = 0; i < 2; i++) {
		NEED(send(fd, data, sizeof(data), 0));
		NEED(seg_read(&s, PATIENCE) ? 0 : -1);
		if (i)
			usleep(80000);
		last = seg_answer(&s, last.seq, W_ACK);
		seg_send(&last);
		T_WAIT(!unacked(fd));
	}
	rtt = least_rtt(fd);
	seg_abort(fd);
	drain(NULL);
	return rtt;
}

/*
 * Checks whether the memory of the shortest round trip is long. A run may take longer, or miss its
 * sample, on a busy machine: one right run of ten is enough.
 */
static void shortest(const char *window, bool want)
{
	bool is = !want;

	T(tell("tcp_min_rtt_wlen", window));
	for (int i = 0; i < 10 && is != want; i++)
		is = rtt_of_two() > 60000;
	say("shortest round trip, window %s: %d", window, is);
}

/* ---- what stands in segments ---- */

static void sizes(const char *least)
{
	static const uint8_t tiny[] = { 2, 4, 0, 20 };
	static uint16_t port = 820;
	struct seg last;
	int fd;

	T(tell("tcp_min_snd_mss", least));
	fd = seg_connected(++port, tiny, sizeof(tiny), &last);
	say("least %s: %u bytes", least, info(fd).tcpi_snd_mss);
	seg_abort(fd);
	drain(NULL);
}

static void windows(const char *on)
{
	struct seg s = { .peer = 2,
		.our = 900,
		.its = 3000,
		.seq = 1,
		.flags = W_SYN,
		.win = 1000,
		.opts = { 2, 4, 5, 0xb4 },
		.nopts = 4 };
	int l = seg_listener(900, 5);

	T(tell("tcp_workaround_signed_windows", on));
	seg_send(&s);
	NEED(seg_read(&s, PATIENCE) ? 0 : -1);
	say("a window with a sign, %s: %d", on, s.win > 32767);
	close(l);
	drain(NULL);
}

static void ecn(const char *fallback)
{
	struct sockaddr_in a = at("10.9.0.2", 840);
	int fd = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	struct seg s;

	T(tell("tcp_ecn", "1"));
	T(tell("tcp_ecn_fallback", fallback));
	T(connect(fd, SA(&a), sizeof(a)));
	for (int i = 0; i < 2; i++) {
		NEED(seg_read(&s, PATIENCE) ? 0 : -1);
		say("fallback %s: SYN %d %s", fallback, i, s.flags & W_ECE ? "asks" : "does not");
	}
	seg_abort(fd);
	T(tell("tcp_ecn", "2"));
	drain(NULL);
}

/* ---- servers ---- */

static struct seg syn(uint16_t our, uint16_t its)
{
	return (struct seg){
		.peer = 2, .our = our, .its = its, .seq = 7, .flags = W_SYN, .win = 1000
	};
}

static void half_open(const char *most)
{
	int l = seg_listener(910, 100), n = 0;
	struct seg s;

	T(tell("tcp_max_syn_backlog", most));
	for (uint16_t i = 0; i < 8; i++) {
		s = syn(910, (uint16_t)(4000 + i));
		seg_send(&s);
		wire_ask();
		while (seg_before_answer(&s))
			n += s.its == 4000 + i && s.flags == (W_SYN | W_ACK);
	}
	say("at most %s: %d answered", most, n);
	close(l);
	drain(NULL);
}

static void overflow(const char *abort)
{
	static uint16_t port = 920;
	int l = seg_listener(++port, 1);
	struct seg s, back[3];
	bool reset;

	T(tell("tcp_abort_on_overflow", abort));
	for (uint16_t i = 0; i < 3; i++) {
		/* room for the third to be half open, but for two to be accepted */
		if (i == 2) {
			s = seg_answer(&back[0], 8, W_ACK);
			seg_send(&s);
		}
		s = syn(port, (uint16_t)(5000 + i));
		seg_send(&s);
		NEED(seg_read(&back[i], PATIENCE) ? 0 : -1);
	}
	for (int i = 1; i < 3; i++) {
		s = seg_answer(&back[i], 8, W_ACK);
		seg_send(&s);
	}
	wire_ask();
	for (reset = false; seg_before_answer(&s);)
		reset = reset || s.flags & W_RST;
	say("abort %s: %s", abort, reset ? "a reset" : "silence");
	close(l);
	drain(NULL);
}

/* Sends a reset for a connection in TIME_WAIT. Prints whether the connection is still there. */
static void old_reset(const char *on)
{
	static uint16_t port = 850;
	struct seg last, s;
	int fd;

	T(tell("tcp_rfc1337", on));
	fd = seg_connected(++port, plain, sizeof(plain), &last);
	close(fd);
	NEED(seg_read(&s, PATIENCE) && s.flags & W_FIN ? 0 : -1);
	last = seg_answer(&s, last.seq, W_FIN | W_ACK);
	seg_send(&last);
	NEED(seg_read(&s, PATIENCE) ? 0 : -1);
	last.seq++;
	last.flags = W_RST;
	seg_send(&last);
	last.flags = W_ACK;
	last.seq -= 50;
	seg_send(&last);
	NEED(seg_read(&s, PATIENCE) ? 0 : -1);
	say("rfc1337 %s: %s", on, s.flags & W_RST ? "forgotten" : "still there");
}

static void challenges(const char *most)
{
	static uint16_t port = 860;
	struct seg last[6];
	int fds[6], n;

	T(tell("tcp_challenge_ack_limit", most));
	for (int i = 0; i < 6; i++)
		fds[i] = seg_connected(++port, plain, sizeof(plain), &last[i]);
	for (int i = 0; i < 6; i++) {
		last[i].flags = W_SYN;
		seg_send(&last[i]);
	}
	n = drain(NULL);
	say("at most %s: %s", most, n == 6 ? "all" : n && n <= 2 ? "one, or of two seconds" : "?");
	for (int i = 0; i < 6; i++)
		seg_abort(fds[i]);
	drain(NULL);
}

static void put_cookie(struct seg *s, const uint8_t *cookie)
{
	memcpy(s->opts, (uint8_t[]){ 2, 4, 5, 0xb4, 34, 2 }, 6);
	s->nopts = 6;
	if (!cookie)
		return;
	s->opts[5] = 10;
	memcpy(s->opts + 6, cookie, 8);
	s->nopts = 14;
	s->len = 5;
}

/* Prints the cookie that the server gives; with *@cookie: whether it accepts data with it. */
static void fast(const char *what, uint8_t *cookie, bool ask)
{
	static uint16_t its = 6000;
	struct seg s = syn(930, ++its), back = { 0 };
	const uint8_t *o;

	put_cookie(&s, ask ? NULL : cookie);
	seg_send(&s);
	NEED(seg_read(&back, PATIENCE) ? 0 : -1);
	o = seg_opt(&back, 34);
	say("%s: %u bytes taken, %s", what, back.ack - s.seq - 1,
		o && o[1] == 10 ? "a cookie" : "no cookie");
	if (o && o[1] == 10) {
		say("  %02x%02x%02x%02x%02x%02x%02x%02x", o[2], o[3], o[4], o[5], o[6], o[7], o[8],
			o[9]);
		if (ask)
			memcpy(cookie, o + 2, 8);
	}
}

static void keys(void)
{
	static const char *const texts[] = { "1-2-3", "1-2-3-4,", "x", "-1-2-3-4", "1 2 3 4",
		"1-2-3-4 ", "1-2-3-4,5-6-7-8", "1-2-3-4x", "00000000-0-0-ffffffff" };
	int l = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	struct sockaddr_in a = at("10.9.0.1", 930);
	uint8_t cookie[8] = { 0 };

	say("%s", told("tcp_fastopen_key"));
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		T(tell("tcp_fastopen_key", texts[i]) > 0);
		say("%s: %s", texts[i], told("tcp_fastopen_key"));
	}
	T(tell("tcp_fastopen", "3"));
	NEED(bind(l, SA(&a), sizeof(a)));
	NEED(set(l, SOL_TCP, TCP_FASTOPEN, 100));
	NEED(listen(l, 100));
	T(tell("tcp_fastopen_key", "00112233-44556677-8899aabb-ccddeeff"));
	fast("asked for", cookie, true);
	fast("of the key", cookie, false);
	T(tell("tcp_fastopen_key", "01020304-05060708-090a0b0c-0d0e0f10"));
	fast("of no key", cookie, false);
	T(tell("tcp_fastopen_key",
		"01020304-05060708-090a0b0c-0d0e0f10,00112233-44556677-8899aabb-ccddeeff"));
	fast("of the key before", cookie, false);
	T(tell("tcp_fastopen", "1"));
	close(l);
	drain(NULL);
}

/*
 * A new namespace begins with Linux's defaults, but copies the sizes of buffers, and keeps its own
 * values.
 */
static void apart(void)
{
	static const char *const names[] = { "tcp_timestamps", "tcp_sack", "tcp_fastopen",
		"tcp_notsent_lowat", "tcp_slow_start_after_idle", "tcp_syncookies",
		"tcp_synack_retries", "tcp_retries2", "tcp_fin_timeout", "tcp_keepalive_time" };
	char was[10][32];

	for (unsigned i = 0; i < 10; i++) {
		snprintf(was[i], sizeof(was[i]), "%s", told(names[i]));
		T(tell(names[i], "77") > 0);
	}
	if (!fork()) {
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
		for (unsigned i = 0; i < 10; i++) {
			say("%s there: %s", names[i], told(names[i]));
			T(tell(names[i], "78") > 0);
		}
		T(tell("tcp_rmem", "4096 5000 6000") > 0);
		T(tell("tcp_wmem", "4096 5000 6000") > 0);
		say("%s, %s", told("tcp_rmem"), told("tcp_wmem"));
		say("mem: %s, orphans: %s", told("tcp_mem"), told("tcp_max_orphans"));
		exit(0);
	}
	wait(NULL);
	for (unsigned i = 0; i < 10; i++) {
		say("%s here: %s", names[i], told(names[i]));
		T(tell(names[i], was[i]) > 0);
	}
}

TEST(tcp_sysctl)
{
	wire_open();
	apart();
	T(tell("tcp_congestion_control", "reno"));
	numbers();
	reordering();
	late("300");
	late("5");
	T(tell("tcp_max_reordering", "300"));
	timeouts();
	shortest("0", true);
	shortest("300", false);
	sizes("48");
	sizes("500");
	sizes("48");
	windows("1");
	windows("0");
	ecn("1");
	ecn("0");
	T(tell("tcp_ecn_fallback", "1"));
	T(tell("tcp_syncookies", "0"));
	half_open("4");
	half_open("100");
	T(tell("tcp_syncookies", "1"));
	overflow("0");
	overflow("1");
	old_reset("0");
	old_reset("1");
	challenges("1");
	challenges("2147483647");
	keys();
}
