/* SPDX-License-Identifier: MIT */
/* segment.c: TCP segments in frames, made and taken apart. */
#include "segment.h"

#include <arpa/inet.h>
#include <string.h>

#include "numbers.h"

bool segments_uncut;

/* ---- checksums ---- */

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (n & 1)
		s += (uint32_t)p[n - 1] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static uint32_t pseudo(const uint8_t *a, const uint8_t *b, bool v6, int proto, size_t len)
{
	size_t n = v6 ? 16 : 4;

	return sum(a, n, sum(b, n, (uint32_t)proto + (uint32_t)len));
}

/* ---- bytes ---- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* ---- headers ---- */

/*
 * Writes the Ethernet and IP headers of a packet from the peer with @n more bytes. Returns where
 * these begin.
 */
static uint8_t *put_ip(
	const struct ends *e, uint8_t *f, int proto, size_t n, uint8_t tos, uint8_t ttl)
{
	static uint16_t ident;
	uint8_t *ip = f + 14;

	memcpy(f, e->our_mac, 6);
	memcpy(f + 6, e->peer_mac, 6);
	put16(f + 12, e->v6 ? 0x86dd : 0x0800);
	if (e->v6) {
		put32(ip, 0x60000000U | (uint32_t)tos << 20);
		put16(ip + 4, (uint32_t)n);
		ip[6] = (uint8_t)proto;
		ip[7] = ttl;
		memcpy(ip + 8, e->peer, 16);
		memcpy(ip + 24, e->us, 16);
		return ip + 40;
	}
	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = tos;
	put16(ip + 2, (uint32_t)n + 20);
	put16(ip + 4, ++ident);
	ip[6] = 0x40;
	ip[8] = ttl;
	ip[9] = (uint8_t)proto;
	memcpy(ip + 12, e->peer, 4);
	memcpy(ip + 16, e->us, 4);
	put16(ip + 10, fold(sum(ip, 20, 0)));
	return ip + 20;
}

static size_t put_options(const struct segment *s, uint8_t *p)
{
	uint8_t *start = p;

	if (s->mss) {
		*p++ = 2;
		*p++ = 4;
		put16(p, s->mss);
		p += 2;
	}
	if (s->sackok) {
		*p++ = 4;
		*p++ = 2;
	}
	if (s->ts) {
		if (!s->sackok) {
			*p++ = 1;
			*p++ = 1;
		}
		*p++ = 8;
		*p++ = 10;
		put32(p, s->tsval);
		put32(p + 4, s->tsecr);
		p += 8;
	}
	if (s->ws >= 0) {
		*p++ = 1;
		*p++ = 3;
		*p++ = 3;
		*p++ = (uint8_t)s->ws;
	}
	if (s->cookie_len != NO_COOKIE) {
		*p++ = s->exp ? 254 : 34;
		*p++ = (uint8_t)((s->exp ? 4 : 2) + s->cookie_len);
		if (s->exp) {
			put16(p, 0xf989);
			p += 2;
		}
		memcpy(p, s->cookie, (size_t)s->cookie_len);
		p += s->cookie_len;
	}
	if (s->nr_sack) {
		*p++ = 1;
		*p++ = 1;
		*p++ = 5;
		*p++ = (uint8_t)(2 + 8 * s->nr_sack);
		for (int i = 0; i < s->nr_sack; i++, p += 8) {
			put32(p, s->sack[i][0]);
			put32(p + 4, s->sack[i][1]);
		}
	}
	while ((p - start) & 3)
		*p++ = 1;
	return (size_t)(p - start);
}

size_t segment_make(const struct ends *e, const struct segment *s, uint8_t *f)
{
	uint8_t options[64], *t;
	size_t no = put_options(s, options), n = 20 + no + s->len;

	t = put_ip(e, f, 6, n, s->tos, s->ttl ? s->ttl : 64);
	put16(t, s->sport);
	put16(t + 2, s->dport);
	put32(t + 4, s->seq);
	put32(t + 8, s->ack);
	t[12] = (uint8_t)((20 + no) << 2);
	t[13] = s->flags;
	put16(t + 14, s->win);
	put16(t + 16, 0);
	put16(t + 18, s->urg);
	memcpy(t + 20, options, no);
	for (size_t i = 0; i < s->len; i++)
		t[20 + no + i] = pattern(s->data_at + i);
	put16(t + 16, (uint32_t)fold(sum(t, n, pseudo(e->peer, e->us, e->v6, 6, n))) ^
			      (s->bad_sum ? 0x5555U : 0));
	return (size_t)(t - f) + n;
}

static const char *take_option(struct segment *s, const uint8_t *p, size_t n)
{
	switch (p[0]) {
	case 2: s->mss = get16(p + 2); return n == 4 ? NULL : "an MSS of another size";
	case 3: s->ws = p[2]; return n == 3 ? NULL : "a window scale of another size";
	case 4: s->sackok = true; return n == 2 ? NULL : "a SACK permitted of another size";
	case 5:
		s->nr_sack = (int)(n - 2) / 8;
		if (n % 8 != 2 || s->nr_sack < 1 || s->nr_sack > 4)
			return "SACK blocks of another size";
		for (int i = 0; i < s->nr_sack; i++) {
			s->sack[i][0] = get32(p + 2 + i * 8);
			s->sack[i][1] = get32(p + 6 + i * 8);
		}
		return NULL;
	case 8:
		s->ts = true;
		s->tsval = get32(p + 2);
		s->tsecr = get32(p + 6);
		return n == 10 ? NULL : "a timestamp of another size";
	case 34:
	case 254:
		s->exp = p[0] == 254;
		if (s->exp && (n < 4 || get16(p + 2) != 0xf989))
			return "an experimental option without Fast Open's number";
		p += s->exp ? 2 : 0;
		n -= s->exp ? 2 : 0;
		s->cookie_len = (int)n - 2;
		if (n > 18)
			return "a cookie that is too long";
		memcpy(s->cookie, p + 2, n - 2);
		return NULL;
	}
	return NULL; /* unknown options are ignored */
}

static const char *take_options(struct segment *s, const uint8_t *p, size_t n)
{
	int nr = 0;

	while (n && *p) {
		size_t len = *p == 1 ? 1 : n > 1 ? p[1] : 0;
		const char *why = NULL;

		if (!len || len > n || (*p != 1 && len < 2))
			return "options that do not fit";
		if (*p != 1) {
			why = take_option(s, p, len);
			if (nr < 11)
				s->kinds[nr++] = *p;
		}
		if (why)
			return why;
		p += len;
		n -= len;
	}
	return NULL;
}

bool segment_parse(
	const struct ends *e, const uint8_t *f, size_t len, struct segment *s, const char **why)
{
	const uint8_t *ip = f + 14, *t;
	size_t n, hlen;

	*why = NULL;
	memset(s, 0, sizeof(*s));
	s->ws = -1;
	s->cookie_len = NO_COOKIE;
	if (len < 54 || get16(f + 12) != (e->v6 ? 0x86ddU : 0x0800U))
		return false;
	if (e->v6) {
		n = get16(ip + 4);
		t = ip + 40;
		if (ip[6] != 6 || memcmp(ip + 24, e->peer, 16))
			return false;
		s->tos = (uint8_t)(get16(ip) >> 4);
		s->ttl = ip[7];
	} else {
		n = get16(ip + 2) - 20U;
		t = ip + 20;
		if (ip[0] != 0x45 || ip[9] != 6 || memcmp(ip + 16, e->peer, 4))
			return false;
		if (fold(sum(ip, 20, 0)))
			*why = "a wrong IP checksum";
		s->tos = ip[1];
		s->ttl = ip[8];
	}
	if (t + n > f + len || n < 20) {
		*why = "a length that lies";
		return false;
	}
	if (!segments_uncut && fold(sum(t, n, pseudo(e->us, e->peer, e->v6, 6, n))))
		*why = "a wrong TCP checksum";
	hlen = (size_t)(t[12] >> 4) * 4;
	if (hlen < 20 || hlen > n) {
		*why = "a header length that lies";
		return false;
	}
	s->sport = (uint16_t)get16(t);
	s->dport = (uint16_t)get16(t + 2);
	s->seq = get32(t + 4);
	s->ack = get32(t + 8);
	s->flags = t[13];
	s->win = get16(t + 14);
	s->urg = get16(t + 18);
	s->len = (uint32_t)(n - hlen);
	s->payload = t + hlen;
	if (!*why)
		*why = take_options(s, t + 20, hlen - 20);
	return true;
}

/* ---- ICMP and neighbours ---- */

size_t icmp_make(const struct ends *e, int type, int code, uint32_t word, uint16_t our_port,
	uint16_t peer_port, uint32_t seq, uint8_t *f)
{
	uint8_t quoted[128], *q, *p;
	struct ends back = *e;
	size_t iplen = e->v6 ? 40 : 20, n = 8 + iplen + 20;

	memcpy(back.peer, e->us, 16);
	memcpy(back.us, e->peer, 16);
	memset(quoted, 0, sizeof(quoted));
	q = put_ip(&back, quoted, 6, 1000, 0, 60);
	put16(q, our_port);
	put16(q + 2, peer_port);
	put32(q + 4, seq);
	q[12] = 0x50;
	q[13] = F_ACK;
	p = put_ip(e, f, e->v6 ? 58 : 1, n, 0, 64);
	memset(p, 0, 8);
	p[0] = (uint8_t)type;
	p[1] = (uint8_t)code;
	put32(p + 4, word);
	memcpy(p + 8, quoted + 14, iplen + 20);
	put16(p + 2, fold(sum(p, n, e->v6 ? pseudo(e->peer, e->us, true, 58, n) : 0)));
	return (size_t)(p - f) + n;
}

static size_t answer_nd(const uint8_t *q, const uint8_t mac[6], uint8_t *f)
{
	struct ends e = { .v6 = true };
	uint8_t *p;

	memcpy(e.peer, q + 14 + 40 + 8, 16);
	memcpy(e.us, q + 14 + 8, 16);
	memcpy(e.our_mac, q + 6, 6);
	memcpy(e.peer_mac, mac, 6);
	if (e.peer[0] != 0xfd || e.peer[13] != 1) /* fd07::1:N are the peers */
		return 0;
	p = put_ip(&e, f, 58, 32, 0, 255);
	memset(p, 0, 32);
	p[0] = 136;
	p[4] = 0x60;
	memcpy(p + 8, e.peer, 16);
	p[24] = 2;
	p[25] = 1;
	memcpy(p + 26, mac, 6);
	put16(p + 2, fold(sum(p, 32, pseudo(e.peer, e.us, true, 58, 32))));
	return 14 + 40 + 32;
}

size_t neighbour_answer(const uint8_t *q, size_t len, const uint8_t mac[6], uint8_t *f)
{
	if (len >= 42 && get16(q + 12) == 0x806 && q[21] == 1) {
		if (q[38] != 10 || q[39] != 7 || !q[40])
			return 0;
		memcpy(f, q, 42);
		memcpy(f, q + 6, 6);
		memcpy(f + 6, mac, 6);
		f[21] = 2;
		memcpy(f + 22, mac, 6);
		memcpy(f + 28, q + 38, 4);
		memcpy(f + 32, q + 22, 10);
		return 42;
	}
	if (len >= 14 + 40 + 24 && get16(q + 12) == 0x86dd && q[20] == 58 && q[54] == 135)
		return answer_nd(q, mac, f);
	return 0;
}
