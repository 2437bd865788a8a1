/* SPDX-License-Identifier: MIT */
/*
 * con_host.h: where the console driver's halves meet.
 *
 * A channel is a pair of host fds (or none). Input comes through a reader thread and a small ring, output goes through a ring and a writer
 * thread, so a terminal that is stopped, a full pipe or a file never makes a vCPU wait. What fits is written at once.
 */
#ifndef NESTLING_CON_HOST_H
#define NESTLING_CON_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct con_host;

enum con_kind { CON_NULL, CON_FD, CON_PTY };
struct con_open {
	uint32_t kind;
	int32_t in, out; /* CON_FD */
	int32_t irq;
	/* answers */
	struct con_host *host;
	char name[128]; /* CON_PTY: the slave's path */
	char err[256];
};
struct con_size {
	uint16_t rows, cols, xpixel, ypixel;
};

/* 0 or -errno with o->err set. */
int con_host_open(struct con_open *o);
/* Takes at most @n bytes for output: how many. */
int con_host_write(struct con_host *h, const uint8_t *buf, int n);
int con_host_room(struct con_host *h);
int con_host_pending(struct con_host *h); /* output that the host has not taken yet */
void con_host_drop(struct con_host *h);   /* forgets it */
/* Input that has arrived: bytes, 0 none, -1 it has ended. */
int con_host_read(struct con_host *h, uint8_t *buf, int n);
/* The size of the terminal behind it: 0, or -1 when it is none. */
int con_host_size(struct con_host *h, struct con_size *size);
/* SIGWINCH raises @irq. */
int con_host_watch_size(int irq);

#endif
