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
 * The guest kernel calls functions of line_host.c, which convert its line numbers to pointers.
 * Besides these it only calls con_host_setup() and con_host_xterm(). Lock order: serve_host.c's
 * lock, then one line's, then one con_cable's. Functions take the locks that they need, unless
 * their comment says that the caller holds one. Lines are never freed.
 */
#ifndef NESTLING_CON_INTERNAL_HOST_H
#define NESTLING_CON_INTERNAL_HOST_H

#include <pthread.h>

#include "drivers/console/con_host.h"

#define OUT_RING 65536
#define IN_RING 4096

/* A reader of a line's output. All members that are not constant are under the line's lock. */
struct con_tap {
	struct con_tap *next;
	/* Position, in bytes since boot: the end of the output that the reader has taken. */
	uint64_t pos;
	/* Position of the end of the last peek. */
	uint64_t peeked;
	/* The guest's writer waits while this reader is a whole ring behind it. */
	bool paces;
	/* The reader has taken all output; ready() is called when there is more. */
	bool idle;
	/* Called with the line's lock held; constant. */
	void (*ready)(struct con_tap *t);
};

struct con_cable;
struct con_host {
	char name[12]; /* constant, like irq */
	int irq;
	struct con_host *next; /* list of all lines, which only grows */
	pthread_mutex_t lock;
	/* Signalled when the guest has read input, or when a reader thread must stop. */
	pthread_cond_t in_room;
	/* OUT_RING bytes, allocated at the first output. */
	uint8_t *ring;
	/*
	 * Positions in the output since boot. head: its end. session: the start of the present
	 * client's session.
	 */
	uint64_t head, session;
	struct con_tap *taps;
	/* IN_RING bytes, allocated at the first input. */
	uint8_t *in_ring;
	/* Positions in the input since boot. in_head: its end. in_tail: the guest's next byte. */
	uint64_t in_head, in_tail;
	/* in_end: CON_END is due once the input is read. hung: CON_HANGUP is due then. */
	bool in_end, hung;
	/* true: serve_host.c holds input for which in_ring had no room */
	bool starved;
	/* Number of clients that have been the line's owner so far; under serve_host.c's lock. */
	uint32_t owned;
	bool wanted; /* a program in the guest has it open */
	bool has_size;
	struct con_size size; /* as a client reported it */
	/* The connected cables, for input and output. Only the configuring thread changes them. */
	struct con_cable *cables[2];
	/* The channel is CON_XTERM. */
	bool xterm;
	/* At the end of the process: pending bytes that drain_all() found last. */
	int left;
};

/* ---- line_host.c ---- */
struct con_host *line_first(void);            /* head of the list, or NULL */
struct con_host *line_find(const char *name); /* or NULL */
/*
 * Adds a tap whose position is @from, counted in all output since boot. Output that is no longer in
 * the ring is skipped; LINE_NOW: starts at the end.
 */
#define LINE_NOW UINT64_MAX
void line_tap_add(struct con_host *h, struct con_tap *t, uint64_t from);
void line_tap_del(struct con_host *h, struct con_tap *t);
/*
 * Copies the next output, up to @n bytes, without taking it; sets t->idle if there is none.
 * line_tap_took() then takes the output up to the end of the last peek. If the guest drops the
 * output and writes more in between, the new output is not taken.
 */
size_t line_tap_peek(struct con_host *h, struct con_tap *t, uint8_t *buf, size_t n);
void line_tap_took(struct con_host *h, struct con_tap *t);
/*
 * Stores input and returns how many of the @n bytes fitted. Sets h->starved if not all did. This
 * and the next three functions raise the line's interrupt.
 */
size_t line_input(struct con_host *h, const uint8_t *buf, size_t n);
void line_end(struct con_host *h); /* no more input comes */
/* Makes con_host_read() return CON_HANGUP, and begins the next client's session here. */
void line_hangup(struct con_host *h);
void line_set_size(struct con_host *h, uint16_t rows, uint16_t cols);

/* ---- terminal_host.c ---- */
/*
 * Makes the terminal raw until the last terminal_release() of it, which restores its settings. They
 * do nothing if @fd is no terminal.
 */
void terminal_take(int fd);
void terminal_release(int fd);
/* Called once, before the first terminal_take(). */
void terminals_init(void);

/* ---- cable_host.c ---- */
#define CABLE_IN 1
#define CABLE_OUT 2
/*
 * Opens CON_FD, CON_TTY or CON_PTY. @ways: CABLE_IN, CABLE_OUT or both. On failure returns NULL and
 * sets errno, and also o->err unless memory is short.
 */
struct con_cable *cable_open(
	struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o);
/* Disconnects the cable; its threads, which hold references, end later. */
void cable_close(struct con_cable *c);
/* Sets *size. Returns 0, or -1 if the cable is no terminal or its size is not set. */
int cable_size(struct con_cable *c, struct con_size *size);
/* True if a program of the host has the pseudo terminal open. */
bool cable_in_use(const struct con_cable *c);
/*
 * Writes as much as possible without blocking; the caller holds the line's lock. Returns the number
 * of bytes that need no other write: 0 if the cable cannot take any now, and all after an error,
 * which loses them. @only: the line's only tap; if it is not this cable's, returns 0.
 */
size_t cable_write_now(struct con_cable *c, struct con_tap *only, const uint8_t *buf, size_t n);

/* ---- serve_host.c ---- */
/*
 * Adds the line to the listener of a CON_PORT or CON_UNIX channel, which is made if it does not
 * exist. @ways: CABLE_IN, CABLE_OUT or both. Returns 0, or -errno with o->err set.
 */
int serve_open(struct con_host *h, const struct con_side *s, unsigned ways, struct con_open *o);
/*
 * Removes the line from its listeners, closes those that have no line left, and disconnects the
 * client that owns the line. Visitors (`nestctl console`) stay.
 */
void serve_close(struct con_host *h);
/* True if a client owns the line's session. */
bool serve_has_owner(struct con_host *h);
/* Ends the client that owns the line's session. */
void serve_end_owner(struct con_host *h);
/* Notifies the thread that a line has room for input again. */
void serve_kick(void);
const char *serve_attach_path(void); /* "" if it is not served */
/* Returns how many clients have been the line's owner so far. */
uint32_t serve_owned(struct con_host *h);

/* ---- listen_host.c ---- */
/* Return a listening socket, non-blocking, or -errno. */
int listen_port(const char *text); /* [ADDRESS:]PORT */
int listen_unix(const char *path);

/* ---- xterm_host.c ---- */
/* Starts the terminal program on a thread; hangs the line up if it does not connect. */
void xterm_start(struct con_host *h);
/* Starts the terminal program for the line with that name. Returns its pid, or -1. */
pid_t xterm_run(const char *line);
/* Called before the jail closes: gives the broker the words of xterm= and the console's path. */
void xterm_register_opener(void);

/* ---- cable_host.c: used by the broker, too ---- */

/*
 * Descriptors of a pseudo terminal: the master for the line, the slave, and an inotify watch of the
 * slave, or -1.
 */
struct con_pty {
	int fd, slave, watch;
};
/*
 * Makes a pseudo terminal. Writes its name to @name, or "pty" if it failed before it had a name.
 * Returns 0 or -errno.
 */
int pty_make(struct con_pty *p, char *name, size_t size);

/* ---- opener_host.c: asks the jail's broker to open a con_side; -errno as os_jail_open() ---- */
int jailed_listen(const char *kind, const char *key); /* @kind: "port" or "unix"; a descriptor */
int jailed_pty(struct con_pty *p, char *name, size_t size); /* as pty_make() */
int jailed_xterm(const char *line);                         /* 0: started */

/* ---- telnet_host.c ---- */
struct telnet {
	uint8_t state, verb, sub[8], sub_len;
	bool cr;
	uint16_t rows, cols; /* as the client reported; 0: unchanged */
};
/* Writes the greeting for a new client. Returns its length, at most 16. */
size_t telnet_hello(uint8_t *out);
/*
 * Removes telnet commands from @n bytes, in place, and returns how many bytes are left. The reply
 * to the client, at most @n + 2 bytes, goes to @reply, and its length to *reply_len.
 */
size_t telnet_in(struct telnet *t, uint8_t *buf, size_t n, uint8_t *reply, size_t *reply_len);
/* Encodes @n bytes for the client. Returns the length, at most 2 * @n. */
size_t telnet_out(const uint8_t *buf, size_t n, uint8_t *out);

#endif
