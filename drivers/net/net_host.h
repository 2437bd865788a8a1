/* SPDX-License-Identifier: MIT */
/*
 * net_host.h: where the halves of the network driver meet. Fixed-width types and opaque structs
 * only.
 *
 * A link transfers whole Ethernet frames, many at a time: a socket of a helper, a tap device, a
 * datagram socket. Only net_host_open() blocks. The link's interrupt is raised once when a frame
 * has come, or when the link takes frames again after it was full. net_host_recv() and
 * net_host_send() arm it again when they find nothing to do.
 *
 * The front end names a queue of a link by a number (os_object_add()), which a restored instance
 * gives to a queue of a new link.
 */
#ifndef NESTLING_NET_HOST_H
#define NESTLING_NET_HOST_H

#include <stddef.h>
#include <stdint.h>

#define NET_PIECES 48  /* of a frame's payload */
#define NET_QUEUES 16U /* of a link, at most */
/* frames in a call of net_host_recv() or net_host_send() */
#define NET_BATCH 64

enum net_kind { NET_SLIRP, NET_TUNTAP, NET_FD, NET_SWITCH, NET_VDE, NET_MCAST };

struct net_open {
	uint32_t kind;
	int32_t irq;
	/* wanted queues, 0: not given; net_host_check() sets the real number */
	uint32_t queues;
	/* the link's own words behind the kind, separated by commas, or "" */
	const char *args;
	/* the whole value of the parameter, with the words of the front end */
	const char *value;
	/* answers */
	int32_t host; /* the queue's number */
	/* the link fills in checksums of TCP, and cuts segments */
	uint32_t offload;
	/* a note for the user, or empty */
	char note[256];
	/* one line without the parameter's name, if the open failed */
	char err[256];
};

/* A frame to send: its headers and the pieces of its payload. */
struct net_piece {
	const void *data;
	uint64_t len;
};
struct net_out {
	const void *head;
	const struct net_piece *pieces;
	uint32_t head_len, nr_pieces; /* at most NET_PIECES */
	/* With net_open.offload: */
	/* offset of a TCP header whose checksum is to be filled in, or 0 */
	uint16_t csum_start;
	/* payload of the segments to cut, or 0 */
	uint16_t seg;
	uint32_t v6;
	uint32_t packets; /* owned by the front end */
};
/* Room for a frame. len is set to the frame's length, which is more than size if it was cut. */
struct net_in {
	void *data;
	uint32_t size, len;
	/* the host vouches for the checksums inside */
	uint32_t csum_ok;
	/* the transport's checksum, though, is not filled in */
	uint32_t csum_owed;
	/* many segments of TCP with this payload, or 0 */
	uint32_t seg;
};

/*
 * Prepares for links that are opened once the process is jailed. Called at the start of a process,
 * also before a restore; a second time does nothing. Returns 0 or -errno.
 */
int net_host_setup(void);
/* Checks the words of a link without opening anything. Returns 0 or -EINVAL with @err set. */
int net_host_check(struct net_open *o);
/* Opens the first queue. Returns 0 or -errno with o->err set. */
int net_host_open(struct net_open *o);
/* Opens queue @index of the link whose first queue is @first, which outlives it. */
int net_host_open_queue(struct net_open *o, int first, uint32_t index);
/*
 * Makes queue @index again under the number o->host, after a restore, and begins to open it. The
 * first queue has @first 0. Returns as net_host_reopen(), which the caller repeats to complete the
 * opening; sets o->err, and o->offload if the queue is open. After -EEXIST or -ENOMEM there is no
 * such queue.
 */
int net_host_restore(struct net_open *o, int first, uint32_t index);
/*
 * Makes the host hand frames to this queue, or none any more: then frames that it had for it are
 * thrown away. Returns 0 or -errno. No vCPU receives by it meanwhile.
 */
int net_host_attach(int host, int on);
/*
 * Drops the connection, as if the other side had gone; net_host_reopen() follows. No vCPU receives
 * by it; one may send.
 */
void net_host_drop(int host);
/* True if the other side has gone and no reopening has begun. */
int net_host_gone(int host);
void net_host_close(int host);
/*
 * Receives at most @n frames and returns how many. Fewer than @n: no more are there, and the
 * interrupt is armed. -EPIPE: the other side has gone; net_host_reopen() may bring it back.
 */
int net_host_recv(int host, struct net_in *in, int n);
/*
 * Sends frames from the front and returns how many. Fewer: the link is full, and the interrupt
 * comes when it has room. Frames without receiver count as sent.
 */
int net_host_send(int host, const struct net_out *out, int n);
/*
 * Notes the interrupt. Called before a refused send is tried again, which arms the interrupt again
 * if there is still no room.
 */
void net_host_fired(int host);
/*
 * Reopens the link. Returns 0 when the other side is back. -EINPROGRESS: it was asked and has not
 * answered, try again soon; other -errno: try again later. Never waits.
 */
int net_host_reopen(int host);
/* Returns the number of host calls made. */
uint64_t net_host_calls(int host);

#endif
