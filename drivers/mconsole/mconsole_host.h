/* SPDX-License-Identifier: MIT */
/*
 * mconsole_host.h: where the halves of the management console meet: a datagram socket of the host
 * that has the instance's name.
 */
#ifndef NESTLING_MCONSOLE_HOST_H
#define NESTLING_MCONSOLE_HOST_H

#include <stddef.h>
#include <stdint.h>

#define MCONSOLE_UMID_MAX 64 /* with its end */
#define MCONSOLE_PACKET_MAX 1024
#define MCONSOLE_FDS 5 /* of a packet; others are closed */

struct mconsole_open {
	char umid[MCONSOLE_UMID_MAX]; /* "": one is made up and written here */
	/* the folder of names; "": ~/.uml, or uml in $XDG_RUNTIME_DIR */
	char dir[256];
	int32_t irq; /* raised when a request has come */
	/* answers */
	char path[256]; /* of the socket */
	char err[256];  /* one line, when the open failed */
};

/*
 * Makes DIR/UMID/ with the socket "mconsole" and the file "pid", for the owner only, and removes
 * what killed instances left there. It is removed when the instance ends. Returns 0, or -errno with
 * o->err set (-EEXIST: the name is in use). Called once in a process.
 */
int mconsole_host_open(struct mconsole_open *o);

struct mconsole_packet {
	uint8_t data[MCONSOLE_PACKET_MAX];
	/* length of the packet; above MCONSOLE_PACKET_MAX it was cut */
	uint32_t len;
	uint32_t from_len;
	/* Tells packets of this process from those of the process that was saved. */
	uint64_t process;
	uint8_t from[128];         /* socket address for the answer */
	int32_t fds[MCONSOLE_FDS]; /* descriptors that came along */
	uint32_t nr_fds;
};
/* Waits for a packet, or a signal. */
void mconsole_host_wait(void);
/*
 * Returns 1 and the next packet of the owner or of root, or 0 without one, and arms the interrupt.
 * Packets of other users are dropped. mconsole_host_done() closes descriptors that were not taken.
 */
int mconsole_host_recv(struct mconsole_packet *p);
/*
 * Takes descriptor @i out of the packet. Returns -1 if there is none, or if it was another
 * process's.
 */
int mconsole_host_take(struct mconsole_packet *p, uint32_t i);
void mconsole_host_done(struct mconsole_packet *p);
/*
 * Answers @p. Returns 0; -EAGAIN: the client does not read, try again; -errno: it has gone, or has
 * asked the process that was saved.
 */
int mconsole_host_reply(const struct mconsole_packet *p, const void *data, size_t len);

/*
 * Keeps where @p came from while the machine is put back; NULL: forgets it. mconsole_host_kept()
 * returns 1 with that in @p, once, or 0.
 */
void mconsole_host_keep(const struct mconsole_packet *p);
int mconsole_host_kept(struct mconsole_packet *p);

/* Sends a datagram to the unix socket @path; never waits. Returns 0 or -errno. */
int mconsole_host_notify(const char *path, const void *data, size_t len);

#endif
