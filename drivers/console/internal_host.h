/* SPDX-License-Identifier: MIT */
/*
 * internal_host.h: a line on the host, the readers of its output and the sources of its input.
 *
 *      line_host.c      rings, and the position of each reader
 *      cable_host.c     fds, terminals, pseudo terminals: a reader and a writer thread each
 *      terminal_host.c  the user's terminal, raw while the kernel runs
 *      serve_host.c     sockets: ports, unix sockets, `nestctl console`; one thread for all of them
 *      listen_host.c    their listening sockets
 *      telnet_host.c    the telnet protocol of a port's clients
 *      xterm_host.c     a terminal program, which connects as `nestctl console` does
 *
 * Only line_host.c has doors; the kernel's numbers of lines become pointers there.
 * Lock order: serve_host.c's lock, then one line's. A con_cable's own lock is taken alone.
 */
#ifndef NESTLING_CON_INTERNAL_HOST_H
#define NESTLING_CON_INTERNAL_HOST_H

#include <pthread.h>

#include "drivers/console/con_host.h"

#define OUT_RING 65536
#define IN_RING 4096

/* A reader of a line's output. All fields except the constant ones are under the line's lock. */
struct con_tap {
	struct con_tap *next;
	uint64_t pos; /* output before it has been taken */
	/* where the last peek at the next output ended */
	uint64_t peeked;
	/* the guest waits for it when it is a ring behind */
	bool paces;
	/* has taken all; ready() reports more */
	bool idle;
	/* called with the line's lock held; constant */
	void (*ready)(struct con_tap *t);
};

struct con_cable;
struct con_host {
	char name[12]; /* constant, like irq */
	int irq;
	struct con_host *next; /* list of all lines, which only grows */
	pthread_mutex_t lock;
	/* signalled when the guest has read, or a reader is to stop */
	pthread_cond_t in_room;
	/* OUT_RING bytes, made with the first output */
	uint8_t *ring;
	/* positions in all output: the end, and the start of the present client's session */
	uint64_t head, session;
	struct con_tap *taps;
	uint8_t in_ring[IN_RING];
	uint64_t in_head, in_tail;
	bool in_end, hung;
	bool starved; /* serve_host.c has input that did not fit */
	/* how many clients have owned it; under serve_host.c's lock */
	uint32_t owned;
	bool wanted; /* a program in the guest has it open */
	bool has_size;
	struct con_size size; /* as a client said */
	/*
	 * The cables that are plugged in. Only the configuring thread changes them, one at a time.
	 */
	struct con_cable *cables[2];
	bool xterm;
	/* what drain_all() saw last, at the end of the process */
	int left;
};

/* ---- line_host.c ---- */
struct con_host *line_first(void);
struct con_host *line_find(const char *name);
/*
 * Adds a tap that begins at position @from of all output. Output that has left the ring is skipped;
 * LINE_NOW begins with new output.
 */
#define LINE_NOW UINT64_MAX
void line_tap_add(struct con_host *h, struct con_tap *t, uint64_t from);
void line_tap_del(struct con_host *h, struct con_tap *t);
/*
 * Copies the next output, up to @n bytes, and sets t->idle if there is none. Only line_tap_took()
 * takes it, up to the end of the last peek. Meanwhile the guest may drop it and write more, which
 * is not taken.
 */
size_t line_tap_peek(struct con_host *h, struct con_tap *t, uint8_t *buf, size_t n);
void line_tap_took(struct con_host *h, struct con_tap *t);
/* Returns how many of @n bytes of input fit. Sets h->starved if not all do. */
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
/* Opens CON_FD, CON_TTY or CON_PTY. Returns NULL with o->err and errno set. */
struct con_cable *cable_open(
	struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o);
void cable_close(struct con_cable *c);
int cable_size(struct con_cable *c, struct con_size *size);
/* True if a program of the host has the pseudo terminal open. */
bool cable_in_use(const struct con_cable *c);
/*
 * Writes as much as possible at once without waiting, under the line's lock. Returns the bytes, or
 * 0.
 */
size_t cable_write_now(struct con_cable *c, struct con_tap *only, const uint8_t *buf, size_t n);
void cable_init(void);

/* ---- serve_host.c ---- */
/*
 * Opens CON_PORT or CON_UNIX. Returns 0 or -errno with o->err set. For CON_XTERM it lets the client
 * find the line.
 */
int serve_open(struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o);
/* Closes the line's listeners and its clients except `nestctl console`. */
void serve_close(struct con_host *h);
/* True if a client owns the line's session. */
bool serve_has_owner(struct con_host *h);
/* Ends the client that owns the line's session. */
void serve_end_owner(struct con_host *h);
/* Tells that input has room again. */
void serve_kick(void);
const char *serve_attach_path(void); /* "": not served */
/* Returns how many clients have owned the line. */
uint32_t serve_owned(struct con_host *h);

/* ---- listen_host.c ---- */
/* Return a listening socket, non-blocking, or -errno. */
int listen_port(const char *text); /* [ADDRESS:]PORT */
int listen_unix(const char *path);

/* ---- xterm_host.c ---- */
void xterm_start(struct con_host *h);
/* Runs the terminal program for the line of that name. Returns its pid, or -1. */
pid_t xterm_run(const char *line);
/* Before the jail closes: the broker has the words of xterm= and the path of the console. */
void xterm_tell_broker(void);

/* ---- cable_host.c, for the broker ---- */

/* A terminal: for the line, for programs; a watch for those, or -1. */
struct con_pty {
	int fd, slave, watch;
};
/* Makes one, and writes its name, or an error's place. Returns 0 or -errno. */
int pty_make(struct con_pty *p, char *name, size_t size);

/* ---- opener_host.c: sides of lines of a jailed process; -errno as os_jail_open() ---- */
int jailed_listen(const char *kind, const char *key); /* "port" or "unix"; a descriptor */
int jailed_pty(struct con_pty *p, char *name, size_t size);
int jailed_xterm(const char *line);

/* ---- telnet_host.c ---- */
struct telnet {
	uint8_t state, verb, sub[8], sub_len;
	bool cr;
	uint16_t rows, cols; /* as the client said; 0: nothing new */
};
/* Writes the greeting for a new client. Returns the bytes, at most 16. */
size_t telnet_hello(uint8_t *out);
/*
 * Removes the protocol from @n bytes, in place, and returns how many are left. An answer of at most
 * @n + 2 bytes goes to @reply, its length to *reply_len.
 */
size_t telnet_in(struct telnet *t, uint8_t *buf, size_t n, uint8_t *reply, size_t *reply_len);
/* Encodes @n bytes for the client. Returns the bytes, at most 2 * @n. */
size_t telnet_out(const uint8_t *buf, size_t n, uint8_t *out);

#endif
