/* SPDX-License-Identifier: MIT */
/*
 * switch.h: shared by switch.c (ports and forwarding), line.c (delay and capture of frames),
 * names.c (addresses and names), table.c (replacement in full tables), jail.c (what the switch may
 * do) and sweeper.c (the end).
 */
#ifndef NESTLING_NESTCTL_SWITCH_H
#define NESTLING_NESTCTL_SWITCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/* largest frame: an MTU of 65480 with all headers and two tags */
#define FRAME_MAX 65554

/* ports are numbered from 0 */
#define PORTS_MAX 64

/* The head of an entry in a table that guests' frames fill. */
struct seen {
	int port;      /* port + 1; 0: a free entry */
	uint64_t used; /* a counter's value at the last use */
};
/* Gives the entry to @port and makes it the most recently used one. */
void table_use(struct seen *s, int port);
/*
 * Returns the index of the entry that a new entry of @port can take, in a table of @n entries that
 * begin with a struct seen: a free one, or one to replace. Returns -1 if none may be replaced.
 */
int table_place(const void *table, size_t stride, unsigned int n, int port);

/*
 * Parses --delay MS[,JITTER]: milliseconds, at most 60000, and a jitter that is not above the
 * delay. True if @text is valid.
 */
bool line_set_delay(const char *text);
bool line_has_delay(void);
/*
 * Keeps a copy of a frame of @n pieces for @port until it is due. Drops the frame if too many are
 * kept.
 */
void line_hold(int port, const struct iovec *iov, int n);
/* Drops the frames held for a port that has closed. */
void line_forget(int port);
/*
 * Passes the due frames to @give, for which they are valid during the call only. Returns
 * milliseconds until the next one is due, or -1 if none is held.
 */
int line_release(void (*give)(int port, const void *frame, uint32_t len));

/*
 * Starts a capture for --pcap FILE, with link type Ethernet. @path must stay valid. Dies if the
 * file cannot be written.
 */
void capture_begin(const char *path);
/* Returns the descriptor of the capture, or -1. */
int capture_fd(void);
/*
 * Captures a frame of @len bytes, at most FRAME_MAX, in the buffer that capture_flush() writes.
 * Both do nothing without a capture. If the file cannot be written any more, they print a message
 * and end the capture.
 */
void capture_frame(const uint8_t *frame, uint32_t len);
void capture_flush(void);

/* bytes of a UDP datagram with its head; a longer one is taken for neither DHCP nor DNS */
#define NAMES_REQUEST_MAX 1500
/* by how many bytes an answer may at most be longer than its request */
#define NAMES_ANSWER_MORE 512
/* Parses --dhcp NET/BITS, with 8 to 29 bits. True if @text is valid. */
bool names_begin(const char *text);
/*
 * Answers an untagged frame that came in at @port and asks for an address, a name or the switch's
 * own MAC address. @answer has NAMES_REQUEST_MAX + NAMES_ANSWER_MORE bytes. Returns the length of
 * the answer, which goes to @port, or 0 for none.
 */
uint32_t names_answer(int port, const uint8_t *frame, uint32_t len, uint8_t *answer);
/*
 * True if the frame is for the switch itself, not for a port. Always false before names_begin().
 * @frame has at least 6 bytes.
 */
bool names_are_for_us(const uint8_t *frame);
/* Frees the addresses and names of a port that has closed. */
void names_forget(int port);

/*
 * Restricts this process for good to serving its ports (jail.c). Keeps open the @n descriptors in
 * @kept, which it sorts, and standard error. Starts the sweeper for the socket @path. What the host
 * refuses is left out, with a warning if it is the filter of system calls.
 */
void jail_enter(const char *path, int *kept, size_t n);

/*
 * Starts a process that can still remove the socket @path (sweeper.c). It closes the @n
 * descriptors in @others. Dies on an error.
 */
void sweeper_start(const char *path, const int *others, size_t n);
/*
 * Has the sweeper remove the socket, and waits until it has ended. Returns false if no sweeper was
 * started. The caller must ignore SIGPIPE. Async-signal-safe.
 */
bool sweeper_end(void);

#endif
