/* SPDX-License-Identifier: MIT */
/*
 * reset_abi.h: the protocol of the reset server, a host process that runs a guest repeatedly from
 * one point. The kernel, tools/afl-nestling and the fake kernel of its tests include this file.
 *
 * In the guest, /proc/nestling/reset (mode 0600):
 *
 *	open(O_RDWR)	ENXIO: no server is attached; EBUSY: it is open already
 *	read(n)		"from here": waits for an input and returns its first n bytes. The first
 *			read that waits makes the base: the machine as it is in this read. A
 *			signal interrupts the read only before the base is made. EIO: the server
 *			has gone.
 *	write(n)	"done": hands the record to the server, and the machine is put back to
 *			the base. So the write does not return, but the read does, with the next
 *			input. EINVAL: more than record_max bytes.
 *
 * A machine that halts or panics, or whose reader dies, is put back as well.
 *
 * On the host, the server sends the request "reset" to the management console with two
 * descriptors: a SOCK_SEQPACKET socket and a memory file, sealed against shrinking, with struct
 * reset_area at its start. The packets on the socket are struct reset_message. From the server:
 *
 *	RUN len		gives an input of len bytes to the read
 *	BACK		puts the machine back; READY follows
 *	END		lets the machine continue: its read returns EIO
 *
 * and from the kernel:
 *
 *	READY		a read waits: the base is made, or the machine has been put back
 *	DONE len	a record of len bytes; the machine is put back next, and READY follows
 *	DEAD why	the run ended for this reason, without a record; READY follows, but not
 *			after RESET_DEAD_REFUSED
 *
 * The kernel treats the end of the socket as END. BACK may cross DONE or DEAD, and then has no
 * effect: READY is sent once for the base and once for each RUN.
 */
#ifndef NESTLING_RESET_ABI_H
#define NESTLING_RESET_ABI_H

#include <stdint.h>

#define RESET_MAGIC 0x74657372u /* "rset" */
#define RESET_VERSION 1u
/* indices of the descriptors of the request */
enum { RESET_FD_SOCKET, RESET_FD_AREA, RESET_FDS };

/*
 * The start of the memory file. The server fills in all of it before it attaches; the kernel reads
 * sizes and offsets once, and refuses areas that are not in [0, size), overlap or are not aligned
 * to a page. The server writes inputs and clears the counters while the machine waits in its read.
 * All sizes, offsets and lengths are in bytes, offsets from the start of the file.
 */
struct reset_area {
	uint32_t magic;
	uint32_t version;
	uint64_t size; /* of the memory file */
	uint32_t input_at;
	uint32_t input_max;
	uint32_t input_len; /* set by the server before RUN */
	uint32_t record_at;
	uint32_t record_max;
	/* set by the kernel before DONE and DEAD */
	uint32_t record_len;
	/*
	 * Counters of the edges that the guest kernel has run since RUN, a byte each, if it was
	 * built with MODE=cover. The length is a power of two, or 0 for no counters.
	 */
	uint32_t cover_at;
	uint32_t cover_len;
	/* the kernel sets these three before READY */
	uint64_t resets;      /* how often the machine was put back */
	uint64_t reset_ns;    /* ns that the last put-back took */
	uint64_t reset_pages; /* pages of 4 KiB that it put back */
};

enum reset_op {
	RESET_RUN = 1,
	RESET_BACK = 2,
	RESET_END = 3,
	RESET_READY = 16,
	RESET_DONE = 17,
	RESET_DEAD = 18,
};

/* the argument of RESET_DEAD; the record is then a text, or empty */
enum reset_dead {
	RESET_DEAD_PANIC = 1,
	RESET_DEAD_HALT = 2,
	/* the reading process has died or closed the file */
	RESET_DEAD_READER = 3,
	/* no base can be made; the record has the reason, and the server is detached */
	RESET_DEAD_REFUSED = 4,
};

struct reset_message {
	uint32_t op; /* enum reset_op */
	/* RUN, DONE: bytes; DEAD: enum reset_dead; else 0 */
	uint32_t arg;
};

#endif
