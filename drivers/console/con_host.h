/* SPDX-License-Identifier: MIT */
/*
 * con_host.h: where the console driver's halves meet.
 *
 * A line (struct con_host) lives as long as the kernel; channels are plugged into it and taken out. What the guest writes goes into the
 * line's ring, which is its scroll-back as well; who shows it to somebody (a terminal, a connection, `nestctl console`) reads from there
 * at his own pace. So a terminal that is stopped, a full pipe or a file never makes a vCPU wait.
 */
#ifndef NESTLING_CON_HOST_H
#define NESTLING_CON_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct con_host;

enum con_kind { CON_NULL, CON_FD, CON_TTY, CON_PTY, CON_PORT, CON_UNIX, CON_XTERM };
#define CON_TEXT 108
struct con_side {
	uint32_t kind;
	int32_t fd;          /* CON_FD */
	char text[CON_TEXT]; /* CON_TTY, CON_UNIX: a path. CON_PORT: [ADDRESS:]PORT */
};
struct con_open {
	struct con_side in, out; /* the same: one channel for both ways */
	/* answers */
	char name[64]; /* CON_PTY: the slave's path, else "" */
	char err[256];
};
struct con_size {
	uint16_t rows, cols, xpixel, ypixel;
};

/* A line with nothing plugged in; @name ("con0") is for people. It raises @irq when there is something to look at. NULL: no memory. */
struct con_host *con_host_create(const char *name, int irq);
/* Plugs a channel in, in place of the one before, which stays when this fails: 0 or -errno with o->err set. */
int con_host_open(struct con_host *h, struct con_open *o);
/* Takes it out. */
void con_host_close(struct con_host *h);
/* Somebody in the guest has opened the line, or nobody has it open any more: a terminal program (xterm) comes and goes with that. */
void con_host_want(struct con_host *h, int wanted);
/* The terminal program: PROGRAM,TITLE-SWITCH,EXEC-SWITCH. 0 or -EINVAL. */
int con_host_xterm(const char *spec);

/* Takes at most @n bytes for output: how many. */
int con_host_write(struct con_host *h, const uint8_t *buf, int n);
int con_host_room(struct con_host *h);
int con_host_pending(struct con_host *h); /* output that somebody has not taken yet */
void con_host_drop(struct con_host *h);   /* forgets it */
/* Input that has arrived: bytes, 0 none, CON_END it has ended for ever, CON_HANGUP the other side has gone (once). */
#define CON_END (-1)
#define CON_HANGUP (-2)
int con_host_read(struct con_host *h, uint8_t *buf, int n);
/* The size of the terminal behind it: 0, or -1 when it has none. */
int con_host_size(struct con_host *h, struct con_size *size);
/* SIGWINCH raises @irq. */
int con_host_watch_size(int irq);

#endif
