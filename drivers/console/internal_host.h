/* SPDX-License-Identifier: MIT */
/*
 * internal_host.h: a line on the host, and those who take its output and give it input.
 *
 *	line_host.c      rings; who has taken how much
 *	cable_host.c     fds, terminals, pseudo terminals: a reader and a writer thread each
 *	terminal_host.c  the user's terminal, raw while the kernel runs
 *	serve_host.c     sockets: ports, unix sockets, `nestctl console`; one thread for all of them
 *	listen_host.c    where they listen
 *	telnet_host.c    the telnet protocol of a port's clients
 *	xterm_host.c     a terminal program, which connects as `nestctl console` does
 *
 * Locks, in this order: serve_host.c's lock, then one line's. A con_cable's own lock is taken alone.
 */
#ifndef NESTLING_CON_INTERNAL_HOST_H
#define NESTLING_CON_INTERNAL_HOST_H

#include <pthread.h>

#include "drivers/console/con_host.h"

#define OUT_RING 65536
#define IN_RING 4096

/* One who takes a line's output. All fields but the constant ones under the line's lock. */
struct con_tap {
	struct con_tap *next;
	uint64_t pos;                     /* what came before has been taken */
	uint64_t peeked;                  /* where the last look at what comes next ended */
	bool paces;                       /* the guest waits for it when it is a ring behind */
	bool idle;                        /* has taken all: wants ready() for more */
	void (*ready)(struct con_tap *t); /* called with the line's lock held; constant */
};

struct con_cable;
struct con_host {
	char name[12]; /* constant, as irq */
	int irq;
	struct con_host *next; /* list of all lines, which only grows */
	pthread_mutex_t lock;
	pthread_cond_t in_room; /* the guest has read; or a reader is to stop */
	uint8_t *ring;          /* OUT_RING bytes, made with the first output */
	uint64_t head,
		session; /* of all output; where that of the present client's session began */
	struct con_tap *taps;
	uint8_t in_ring[IN_RING];
	uint64_t in_head, in_tail;
	bool in_end, hung;
	bool starved;   /* serve_host.c has input that did not fit */
	uint32_t owned; /* how many clients have had it, under serve_host.c's lock */
	bool wanted;    /* somebody in the guest has it open */
	bool has_size;
	struct con_size size; /* as a client said */
	/* What is plugged in: changed by the one who configures, one at a time. */
	struct con_cable *cables[2];
	bool xterm;
	int left; /* at the end: what drain_all() has seen last */
};

/* ---- line_host.c ---- */
struct con_host *line_first(void);
struct con_host *line_find(const char *name);
/* @from: of all output; what has left the ring already is skipped, LINE_NOW: what will come. */
#define LINE_NOW UINT64_MAX
void line_tap_add(struct con_host *h, struct con_tap *t, uint64_t from);
void line_tap_del(struct con_host *h, struct con_tap *t);
/*
 * Copies what comes next, up to @n bytes, and sets t->idle where there is nothing. It is taken only with line_tap_took(), all that was
 * seen last; meanwhile the guest may drop it, and write more, which is not taken.
 */
size_t line_tap_peek(struct con_host *h, struct con_tap *t, uint8_t *buf, size_t n);
void line_tap_took(struct con_host *h, struct con_tap *t);
/* Input: how many of @n bytes fit. Sets h->starved when not all do. */
size_t line_input(struct con_host *h, const uint8_t *buf, size_t n);
void line_end(struct con_host *h);
void line_hangup(struct con_host *h);
void line_set_size(struct con_host *h, uint16_t rows, uint16_t cols);

/* ---- terminal_host.c ---- */
void terminal_take(int fd);
void terminal_release(int fd);
void terminals_init(void);

/* ---- cable_host.c ---- */
#define CABLE_IN 1
#define CABLE_OUT 2
/* CON_FD, CON_TTY and CON_PTY: NULL with o->err and errno set. */
struct con_cable *cable_open(
	struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o);
void cable_close(struct con_cable *c);
int cable_size(struct con_cable *c, struct con_size *size);
/* Under the line's lock: as much as goes out at once without waiting, or 0. */
size_t cable_write_now(struct con_cable *c, struct con_tap *only, const uint8_t *buf, size_t n);
void cable_init(void);

/* ---- serve_host.c ---- */
/* CON_PORT, CON_UNIX: 0 or -errno with o->err set. CON_XTERM: just so that its client finds the line. */
int serve_open(struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o);
/* All of the line's listeners and its clients but `nestctl console`. */
void serve_close(struct con_host *h);
/* Ends the client that the line's session belongs to. */
void serve_end_owner(struct con_host *h);
/* There is room for input again. */
void serve_kick(void);
const char *serve_attach_path(void); /* "": there is none */
/* How many clients have had the line as theirs. */
uint32_t serve_owned(struct con_host *h);

/* ---- listen_host.c ---- */
/* A listening socket, non-blocking, or -errno. */
int listen_port(const char *text); /* [ADDRESS:]PORT */
int listen_unix(const char *path);

/* ---- xterm_host.c ---- */
void xterm_start(struct con_host *h);

/* ---- telnet_host.c ---- */
struct telnet {
	uint8_t state, verb, sub[8], sub_len;
	bool cr;
	uint16_t rows, cols; /* as the client said; 0: nothing new */
};
/* What is said when somebody has connected: how many bytes, at most 16. */
size_t telnet_hello(uint8_t *out);
/* Takes the protocol out of @n bytes, in place: how many are left. An answer of at most @n + 2 bytes goes to @reply, *reply_len. */
size_t telnet_in(struct telnet *t, uint8_t *buf, size_t n, uint8_t *reply, size_t *reply_len);
/* Of @n bytes for the client, at most 2 * @n. */
size_t telnet_out(const uint8_t *buf, size_t n, uint8_t *out);

#endif
