/* SPDX-License-Identifier: MIT */
/*
 * net_host.h: where the halves of the network driver meet. Fixed-width types and opaque structs only.
 *
 * A link is something that takes and gives whole Ethernet frames, many at a time: a socket of a helper, a tap device, a datagram
 * socket. Nothing here blocks but net_host_open(). When a frame has come, or when the link takes frames again after it was full, the
 * link's interrupt is raised, once: net_host_recv() and net_host_send() arm it again when they find nothing to do.
 */
#ifndef NESTLING_NET_HOST_H
#define NESTLING_NET_HOST_H

#include <stddef.h>
#include <stdint.h>

#define NET_PIECES 48  /* of a frame's payload */
#define NET_QUEUES 16U /* of a link, at most */
#define NET_BATCH 64   /* frames in a call of net_host_recv() or net_host_send() */

struct net_host;

enum net_kind { NET_SLIRP, NET_TUNTAP, NET_FD, NET_SWITCH, NET_VDE, NET_MCAST };

struct net_open {
	uint32_t kind;
	int32_t irq;
	uint32_t
		queues; /* so many are wanted, 0: not said; net_host_check() says how many there will be */
	const char *
		args; /* what stands behind the kind, its own words, separated by commas; "" for none */
	/* answers */
	struct net_host *host;
	uint32_t offload; /* it fills in checksums of TCP, and cuts segments */
	char note[256];   /* something the user should know; empty when not */
	char err[256];    /* one line without the parameter's name, when the open failed */
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
	/* where the link has net_open.offload */
	uint16_t csum_start; /* of TCP, whose checksum is to be filled in; 0: all is there */
	uint16_t seg;        /* to be cut into segments with so much payload; 0: it is one */
	uint32_t v6;
	uint32_t packets; /* the front end's own */
};
/* Room for a frame; len is set to what has come, which is more than size when it was cut. */
struct net_in {
	void *data;
	uint32_t size, len;
	uint32_t csum_ok;   /* the host vouches for the checksums within */
	uint32_t csum_owed; /* but that of the transport is not filled in */
	uint32_t seg;       /* many segments of TCP with so much payload, 0: it is one */
};

/* Checks the words of a link without opening anything: 0 or -EINVAL with @err set. */
int net_host_check(struct net_open *o);
/* The first queue: 0 or -errno with o->err set. */
int net_host_open(struct net_open *o);
/* The same for queue @index of the link whose first queue is @first, which it does not outlive. */
int net_host_open_queue(struct net_open *o, struct net_host *first, uint32_t index);
/* The host is to hand frames to this queue, or not any more: then what it had for it is thrown away. 0 or -errno. Nobody receives by it. */
int net_host_attach(struct net_host *h, int on);
/* As if the other side had gone: net_host_reopen() is next. Nobody receives by it; somebody may send. */
void net_host_drop(struct net_host *h);
/* The other side has gone, and nobody has asked for it again. */
int net_host_gone(const struct net_host *h);
void net_host_close(struct net_host *h);
/*
 * Frames that have arrived, at most @n. Fewer than @n: there are no more, the interrupt is armed. -EPIPE: the other side has gone;
 * net_host_reopen() may bring it back.
 */
int net_host_recv(struct net_host *h, struct net_in *in, int n);
/* Sends from the front: how many. Fewer: the link is full, the interrupt comes when it is not. Frames for nobody count as sent. */
int net_host_send(struct net_host *h, const struct net_out *out, int n);
/* The interrupt came. To be called before a send that was refused is tried again: it will say anew that it waits for room. */
void net_host_fired(struct net_host *h);
/* 0: the other side is there again. Else -errno: try again later; -EINPROGRESS: soon, it was asked and has not answered. Waits for nobody. */
int net_host_reopen(struct net_host *h);
/* So many host calls it has made. */
uint64_t net_host_calls(const struct net_host *h);

#endif
