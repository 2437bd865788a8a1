/* SPDX-License-Identifier: MIT */
/*
 * attach_host.h: the protocol of `nestctl console`: a SOCK_SEQPACKET socket "console" beside the
 * management console's. The first byte of a packet is its type.
 *
 *      to the kernel:  ATTACH_LINE  a byte of ATTACH_* flags, the line's name ("con0", "ssl1"):
 *                                   the first packet
 *                      ATTACH_DATA  keys
 *                      ATTACH_SIZE  struct attach_size
 *                      ATTACH_LIST  instead of ATTACH_LINE
 *      to the client:  ATTACH_DATA  output: the scroll-back first
 *                      ATTACH_ERROR a line of text: no such line exists, or it has an owner
 *                      ATTACH_LIST  the names of all lines, each with an end of line
 */
#ifndef NESTLING_CON_ATTACH_HOST_H
#define NESTLING_CON_ATTACH_HOST_H

#include <stdint.h>

enum {
	ATTACH_LINE = 'A',
	ATTACH_DATA = 'D',
	ATTACH_SIZE = 'S',
	ATTACH_LIST = 'L',
	ATTACH_ERROR = 'E'
};
/* The line is hung up when this client disconnects. */
#define ATTACH_OWN 1
#define ATTACH_QUIET 2     /* no scroll-back */
#define ATTACH_PACKET 4097 /* largest packet in bytes */
struct attach_size {
	uint16_t rows, cols;
};

/*
 * Serves the listening socket @fd on a thread, and owns it then. Clients must run as this user or
 * root. @path is the socket's path, which is passed to programs that connect to it. Returns 0, or
 * -errno with @fd still the caller's.
 */
int con_attach_serve(int fd, const char *path);

#endif
