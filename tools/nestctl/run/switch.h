/* SPDX-License-Identifier: MIT */
/*
 * switch.h: between switch.c (ports and forwarding), switch_line.c (delay and capture of frames),
 * switch_names.c (addresses and names) and switch_table.c (which entries of tables go).
 */
#ifndef NESTLING_NESTCTL_SWITCH_H
#define NESTLING_NESTCTL_SWITCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/* an MTU of 65480 with all headers and room for two tags */
#define FRAME_MAX 65554

#define PORTS_MAX 64

/* The head of an entry of a table that guests fill. */
struct seen {
	int port;      /* + 1; 0: a free entry */
	uint64_t used; /* grows with each use */
};
/* The entry is @port's, and the newest. */
void table_use(struct seen *s, int port);
/*
 * Returns the index of the entry for a new one of @port in a table of @n whose entries begin with a
 * struct seen: a free one, or the one that makes room. -1: the others need them all.
 */
int table_place(const void *table, size_t stride, unsigned int n, int port);

/* Parses --delay MS[,JITTER]; false on an error. */
bool line_set_delay(const char *text);
bool line_has_delay(void);
/* Keeps a copy of a frame for @port until it is due; loses it if too many are kept already. */
void line_hold(int port, const struct iovec *iov, int n);
/* Drops the frames held for a port that has closed. */
void line_forget(int port);
/* Gives out due frames. Returns milliseconds until the next one, -1 if none is held. */
int line_release(void (*give)(int port, const void *frame, uint32_t len));

/*
 * Begins a capture for --pcap FILE, link type Ethernet. Dies with a line if it cannot be written.
 */
void capture_begin(const char *path);
/* Captures a frame. When the file takes no more, a line reports it once, and the capture ends. */
void capture_frame(const uint8_t *frame, uint32_t len);
void capture_flush(void);

/* Requests that are longer are none of DHCP or DNS; bytes that an answer may have more. */
#define NAMES_REQUEST_MAX 1500
#define NAMES_ANSWER_MORE 512
/* Parses --dhcp NET/BITS; false on an error. */
bool names_begin(const char *text);
/*
 * Answers a frame without a tag that has come in by @port and asks for an address, a name or the
 * switch's own MAC address. Returns the length of the answer, for the same port, or 0: none.
 */
uint32_t names_answer(int port, const uint8_t *frame, uint32_t len, uint8_t *answer);
/* True if the frame is for no port. */
bool names_are_for_us(const uint8_t *frame);
/* Frees the addresses and names of a port that has closed. */
void names_forget(int port);

#endif
