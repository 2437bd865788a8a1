/* SPDX-License-Identifier: MIT */
/*
 * con_host.h: the interface between the console driver's halves: console.c in the guest kernel,
 * line_host.c on the host.
 *
 * A line lives as long as the kernel; channels are connected to it and disconnected. The front end
 * identifies it by a number (os_object_add()). In a restored instance that number stands for a new
 * line. The guest's output goes into the line's ring, which also serves as scroll-back. Readers (a
 * terminal, a connection, `nestctl console`) take it from there at their own pace. So a stopped
 * terminal, a full pipe or a file never makes a vCPU wait.
 *
 * No function waits for a reader or for input. con_host_open() may wait for the jail's broker.
 * Calls that connect and disconnect channels are made one at a time; the others, from any vCPU.
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
	struct con_side in, out; /* equal: one channel for both directions */
	/* results */
	char name[64]; /* CON_PTY: the slave's path, else "" */
	char err[256];
};
struct con_size {
	uint16_t rows, cols, xpixel, ypixel; /* pixels: 0 if unknown */
};

/*
 * Makes a line without a channel; @name ("con0") is for messages. The line raises @irq when the
 * front end must handle an event. @number is the line's number before a restore, or 0. Returns the
 * line's number, or -errno.
 */
int con_host_create(const char *name, int irq, int number);
/*
 * Connects a channel in place of the present one and sets o->name. Returns 0, or -errno with o->err
 * set; a present descriptor or terminal then stays, a port or socket is disconnected.
 */
int con_host_open(int line, struct con_open *o);
/* Disconnects the channel. */
void con_host_close(int line);
/*
 * Sets whether a program in the guest has the line open. A terminal program (xterm) starts and ends
 * with that.
 */
void con_host_want(int line, int wanted);
/* Sets the terminal program: PROGRAM,TITLE-SWITCH,EXEC-SWITCH. Returns 0 or -EINVAL. */
int con_host_xterm(const char *spec);
/*
 * Prepares for lines that are opened after the process is jailed. Further calls do nothing. Returns
 * 0 or -errno.
 */
int con_host_setup(void);

/*
 * Accepts at most @n bytes of output and returns how many; 0: a reader is a whole ring behind, and
 * @irq is raised when there is room. Output of a line that does not exist yet, or for which the
 * host has no memory, is dropped and counts as accepted.
 */
int con_host_write(int line, const uint8_t *buf, int n);
int con_host_room(int line);    /* bytes that a write would accept */
int con_host_pending(int line); /* bytes that a reader has not taken yet */
void con_host_drop(int line);   /* drops the pending output */
/*
 * Copies at most @n bytes of input and returns how many, or 0 if there is none yet. CON_END: no
 * more input comes until another channel is connected. CON_HANGUP: the other side has gone;
 * returned once, after all input.
 */
#define CON_END (-1)
#define CON_HANGUP (-2)
int con_host_read(int line, uint8_t *buf, int n);
/* Copies the size of the terminal on the line. Returns 0, or -1 if there is no terminal. */
int con_host_size(int line, struct con_size *size);
/* Makes SIGWINCH raise @irq. Returns 0 or -errno. */
int con_host_watch_size(int irq);
/*
 * True if a client, or a program on a pseudo terminal, uses the line: such a program of the host
 * does not follow the instance to another process. Also true if it has gone and CON_HANGUP is due.
 */
int con_host_has_client(int line);
/* Makes con_host_read() return CON_HANGUP, as if the other side had gone. */
void con_host_hang_up(int line);

#endif
