/* SPDX-License-Identifier: MIT */
/*
 * mconsole_host.h: where the halves of the management console meet: a datagram socket of the host that has the instance's name.
 */
#ifndef NESTLING_MCONSOLE_HOST_H
#define NESTLING_MCONSOLE_HOST_H

#include <stddef.h>
#include <stdint.h>

#define MCONSOLE_UMID_MAX 64 /* with its end */
#define MCONSOLE_PACKET_MAX 1024
#define MCONSOLE_FDS 5 /* of a packet; more are closed */

struct mconsole_open {
	char umid[MCONSOLE_UMID_MAX]; /* "": one is made up, and written here */
	char dir[256];                /* where names are; "": ~/.uml, or uml in $XDG_RUNTIME_DIR */
	int32_t irq;                  /* raised when a request has come */
	/* answers */
	char path[256]; /* of the socket */
	char err[256];  /* one line, when the open failed */
};

/*
 * Makes DIR/UMID/ with the socket "mconsole" and the file "pid", for the owner only, and takes away what instances left there that
 * were killed. Gone again when the instance ends. 0, or -errno with o->err set (-EEXIST: the name is another's). Once.
 */
int mconsole_host_open(struct mconsole_open *o);

struct mconsole_packet {
	uint8_t data[MCONSOLE_PACKET_MAX];
	uint32_t len; /* what came, which is more than MCONSOLE_PACKET_MAX when it was cut */
	uint32_t from_len;
	uint8_t from[128];         /* whom to answer: a socket address */
	int32_t fds[MCONSOLE_FDS]; /* descriptors that came along */
	uint32_t nr_fds;
};
/*
 * The next packet of the owner or of root: 1, or 0 when there is none, and the interrupt is armed. Others' are dropped. Who takes a descriptor
 * puts -1 in its place; mconsole_host_done() closes the rest.
 */
int mconsole_host_recv(struct mconsole_packet *p);
void mconsole_host_done(struct mconsole_packet *p);
/* Answers @p: 0, -EAGAIN (it does not read: try again), -errno (it has gone). */
int mconsole_host_reply(const struct mconsole_packet *p, const void *data, size_t len);

/* A datagram to the unix socket @path; never waits. 0 or -errno. */
int mconsole_host_notify(const char *path, const void *data, size_t len);

#endif
