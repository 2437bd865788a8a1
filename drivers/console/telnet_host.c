/* SPDX-License-Identifier: MIT */
/*
 * telnet_host.c: the telnet protocol (RFC 854, 855; 857 echo, 858 suppress go-ahead, 1073 window
 * size) of a port's clients. The server echoes and suppresses go-ahead, so that the client sends
 * each key as it is typed, and requests the window's size. All other options are refused. A client
 * without telnet (nc) gets a few odd bytes at the start, but works.
 */
#include "drivers/console/internal_host.h"

#include <string.h>

enum {
	IAC = 255,
	DONT = 254,
	DO = 253,
	WONT = 252,
	WILL = 251,
	SB = 250,
	SE = 240,
	BRK = 243,
	IP = 244
};
enum { BINARY = 0, ECHO = 1, SGA = 3, NAWS = 31 };
enum { TEXT, AFTER_IAC, AFTER_VERB, IN_SUB, SUB_IAC };

size_t telnet_hello(uint8_t *out)
{
	static const uint8_t hello[] = { IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, NAWS };

	memcpy(out, hello, sizeof(hello));
	return sizeof(hello);
}

/*
 * Writes the reply to an option's negotiation. The client's answer to an option that this side has
 * offered or requested gets no reply, since replies would alternate for ever. Returns the reply's
 * length in bytes, 3 or 0.
 */
static size_t negotiate(uint8_t verb, uint8_t option, uint8_t *reply)
{
	uint8_t answer = 0;

	if (verb == DO && option != ECHO && option != SGA)
		answer = WONT;
	else if (verb == WILL && option == SGA)
		answer = DO;
	else if (verb == WILL && option != NAWS)
		answer = DONT;
	if (!answer)
		return 0;
	reply[0] = IAC;
	reply[1] = answer;
	reply[2] = option;
	return 3;
}

static void end_sub(struct telnet *t)
{
	if (t->sub_len == 5 && t->sub[0] == NAWS) {
		t->cols = (uint16_t)(t->sub[1] << 8 | t->sub[2]);
		t->rows = (uint16_t)(t->sub[3] << 8 | t->sub[4]);
	}
	t->sub_len = 0;
}

static void sub_byte(struct telnet *t, uint8_t ch)
{
	if (t->sub_len < sizeof(t->sub))
		t->sub[t->sub_len++] = ch;
}

/* Handles the byte after IAC. Returns the number of bytes for the line (0 or 1), stored in *out. */
static size_t command(struct telnet *t, uint8_t ch, uint8_t *out)
{
	t->state = TEXT;
	switch (ch) {
	case IAC: *out = IAC; return 1;
	case IP: /* interrupt: ^C for the line */
	case BRK: *out = 3; return 1;
	case SB:
		t->state = IN_SUB;
		t->sub_len = 0;
		break;
	case WILL:
	case WONT:
	case DO:
	case DONT:
		t->verb = ch;
		t->state = AFTER_VERB;
		break;
	}
	return 0;
}

/* Handles a byte of text. The Return key arrives as CR NUL or CR LF, and becomes one CR. */
static size_t text(struct telnet *t, uint8_t ch, uint8_t *out)
{
	bool after_cr = t->cr;

	t->cr = ch == '\r';
	if (after_cr && (ch == 0 || ch == '\n'))
		return 0;
	*out = ch;
	return 1;
}

size_t telnet_in(struct telnet *t, uint8_t *buf, size_t n, uint8_t *reply, size_t *reply_len)
{
	size_t kept = 0;

	*reply_len = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t ch = buf[i];

		switch (t->state) {
		case TEXT:
			if (ch == IAC)
				t->state = AFTER_IAC;
			else
				kept += text(t, ch, buf + kept);
			break;
		case AFTER_IAC: kept += command(t, ch, buf + kept); break;
		case AFTER_VERB:
			*reply_len += negotiate(t->verb, ch, reply + *reply_len);
			t->state = TEXT;
			break;
		case IN_SUB:
			if (ch == IAC)
				t->state = SUB_IAC;
			else
				sub_byte(t, ch);
			break;
		case SUB_IAC:
			t->state = ch == SE ? TEXT : IN_SUB;
			if (ch == SE)
				end_sub(t);
			else if (ch == IAC)
				sub_byte(t, ch);
			break;
		}
	}
	return kept;
}

size_t telnet_out(const uint8_t *buf, size_t n, uint8_t *out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (buf[i] == IAC)
			out[k++] = IAC;
		out[k++] = buf[i];
	}
	return k;
}
