/* SPDX-License-Identifier: MIT */
/*
 * mconsole_host.h: the interface between the halves of the management console: requests and replies
 * on a datagram socket of the host, whose path contains the instance's name.
 */
#ifndef NESTLING_MCONSOLE_HOST_H
#define NESTLING_MCONSOLE_HOST_H

#include <stddef.h>
#include <stdint.h>

#define MCONSOLE_UMID_MAX 64 /* with the zero */
/* The only names with a dot in front begin so: of copies that wait (tools/nestctl/state/warm.c). */
#define MCONSOLE_WAITS ".warm-"
#define MCONSOLE_PACKET_MAX 3096
#define MCONSOLE_FDS 5 /* per packet; more are closed */

struct mconsole_open {
	char umid[MCONSOLE_UMID_MAX]; /* "": set to a random name */
	/* The folder of names; "": ~/.uml, or uml in $XDG_RUNTIME_DIR. */
	char dir[256];
	int32_t irq; /* raised when a request has arrived */
	/* results */
	char path[256]; /* of the socket */
	char err[256];  /* a message if the open failed */
};

/*
 * Makes DIR/UMID/ with the sockets "mconsole" and "console" and the file "pid", accessible by the
 * owner only, and removes folders of killed instances in DIR. The folder is removed when the
 * instance ends. Returns 0 with o->path and an empty o->umid set, or -errno with o->err set
 * (-EEXIST: the name is in use). Not called again after a success.
 */
int mconsole_host_open(struct mconsole_open *o);

struct mconsole_packet;

/*
 * Called when the owner has renamed the folder of the sockets to DIR/@umid, so that it is removed
 * at the end. @p: the packet with the command. Returns 0, or -errno if that is not this instance's
 * folder.
 */
int mconsole_host_rename(const char *umid, const struct mconsole_packet *p);

struct mconsole_packet {
	uint8_t data[MCONSOLE_PACKET_MAX];
	/* Bytes of the packet; above MCONSOLE_PACKET_MAX it was truncated. */
	uint32_t len;
	uint32_t from_len; /* bytes of from */
	/* The broker has found that the command's name is that of the instance's folder (1). */
	uint32_t is_its_name;
	/* Identifies this process: packets to the process that was saved have another value. */
	uint64_t process;
	uint8_t from[128];         /* socket address for the reply */
	int32_t fds[MCONSOLE_FDS]; /* received descriptors; -1: taken */
	uint32_t nr_fds;
};
/* Blocks the host thread until a packet arrives, or a signal. For a stopped machine. */
void mconsole_host_wait(void);
/*
 * Returns 1 with the next packet of the owner or of root, or 0 if there is none; then the interrupt
 * is armed. Never blocks. Packets of other users are dropped. mconsole_host_done() follows, which
 * closes descriptors that were not taken. One caller at a time.
 */
int mconsole_host_recv(struct mconsole_packet *p);
/*
 * Takes descriptor @i out of the packet. Returns the host fd, which the caller then owns, or -1 if
 * there is none, or if the packet was sent to the process that was saved.
 */
int mconsole_host_take(struct mconsole_packet *p, uint32_t i);
void mconsole_host_done(struct mconsole_packet *p);
/*
 * Sends a reply of @len bytes to @p, without blocking. Returns 0; -EAGAIN: the client does not
 * read, call again; other -errno: it has gone, or the packet was sent to the process that was
 * saved.
 */
int mconsole_host_reply(const struct mconsole_packet *p, const void *data, size_t len);

/* Stores a copy of @p, for a reply after a rollback; NULL: forgets the copy. */
void mconsole_host_keep(const struct mconsole_packet *p);
/* Sets *p to the stored packet and forgets it. Returns 1, or 0 if there is none. */
int mconsole_host_kept(struct mconsole_packet *p);

/* Sends a datagram to the unix socket @path without blocking. Returns 0 or -errno. */
int mconsole_host_notify(const char *path, const void *data, size_t len);

#endif
