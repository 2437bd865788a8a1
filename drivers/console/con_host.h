/* SPDX-License-Identifier: MIT */
/*
 * con_host.h: where the console driver's halves meet.
 *
 * A line lives as long as the kernel; channels are plugged into it and taken out. The front end
 * names it by a number (os_object_add()), which a restored instance gives to a new line.
 * The guest's output goes into the line's ring, which is its scroll-back as well. Readers that show
 * it (a terminal, a connection, `nestctl console`) take it from there at their own pace. So a
 * stopped terminal, a full pipe or a file never makes a vCPU wait.
 */
#ifndef NESTLING_CON_HOST_H
#define NESTLING_CON_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum con_kind { CON_NULL, CON_FD, CON_TTY, CON_PTY, CON_PORT, CON_UNIX, CON_XTERM };
#define CON_TEXT 108
struct con_side {
	uint32_t kind;
	int32_t fd; /* CON_FD */
	/* CON_TTY, CON_UNIX: a path. CON_PORT: [ADDRESS:]PORT */
	char text[CON_TEXT];
};
struct con_open {
	struct con_side in, out; /* equal: one channel for both ways */
	/* answers */
	char name[64]; /* CON_PTY: the slave's path, else "" */
	char err[256];
};
struct con_size {
	uint16_t rows, cols, xpixel, ypixel;
};

/*
 * Makes a line with nothing plugged in; @name ("con0") is for messages. It raises @irq when the
 * front end has to handle an event. @number is 0, or the line's number before a restore. Returns
 * the line's number, or -errno.
 */
int con_host_create(const char *name, int irq, int number);
/*
 * Plugs a channel in, in place of the one before. On failure the old one stays; returns 0 or -errno
 * with o->err set.
 */
int con_host_open(int line, struct con_open *o);
/* Takes the channel out. */
void con_host_close(int line);
/*
 * Tells whether a program in the guest has the line open: a terminal program (xterm) starts and
 * ends with that.
 */
void con_host_want(int line, int wanted);
/* Sets the terminal program: PROGRAM,TITLE-SWITCH,EXEC-SWITCH. Returns 0 or -EINVAL. */
int con_host_xterm(const char *spec);
/* Prepares for lines that are opened once the process is jailed. A second call does nothing. */
int con_host_setup(void);

/* Takes at most @n bytes of output and returns how many. */
int con_host_write(int line, const uint8_t *buf, int n);
int con_host_room(int line);
int con_host_pending(int line); /* output that a reader has not taken yet */
void con_host_drop(int line);   /* drops that output */
/*
 * Returns bytes of input, or 0 without input. CON_END: the input has ended for ever. CON_HANGUP:
 * the other side has gone (once).
 */
#define CON_END (-1)
#define CON_HANGUP (-2)
int con_host_read(int line, uint8_t *buf, int n);
/* Reads the size of the terminal behind the line. Returns 0, or -1 without terminal. */
int con_host_size(int line, struct con_size *size);
/* Makes SIGWINCH raise @irq. */
int con_host_watch_size(int irq);
/*
 * True if the line belongs to a program of the host that does not come along to another process: a
 * client, or a program on a pseudo terminal. Or if such a program has gone and CON_HANGUP is due.
 */
int con_host_has_client(int line);
/* Makes con_host_read() return CON_HANGUP, as if the other side had gone. */
void con_host_hang_up(int line);

#endif
