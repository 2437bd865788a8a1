/* SPDX-License-Identifier: MIT */
/*
 * net_host.h: the interface between the two halves of the network driver: net.c and cards.c in the
 * guest kernel, net_host.c on the host. Fixed-width types and opaque structs only.
 *
 * A link transfers whole Ethernet frames, many at a time. It is a helper's socket, a tap device or
 * a datagram socket. net_host_open(), net_host_open_queue() and, with net_open.wait,
 * net_host_restore() wait for the other side; in a jail net_host_reopen() may wait for the broker.
 * No other function blocks. The link's interrupt is raised once when a frame has come, or when the
 * link has room again after it was full. net_host_recv() arms it again when no frame is left,
 * net_host_send() when there is no room.
 *
 * The front end identifies a queue of a link by a number (os_object_add()). In a restored instance
 * that number stands for a queue of a new link. For a queue, one vCPU may receive while another one
 * sends; all other calls of a link are made one at a time.
 */
#ifndef NESTLING_NET_HOST_H
#define NESTLING_NET_HOST_H

#include <stddef.h>
#include <stdint.h>

#define NET_PIECES 48  /* of a frame's payload */
#define NET_QUEUES 16U /* of a link, at most */
/* Maximum of frames in a call of net_host_recv() or net_host_send(). */
#define NET_BATCH 64

enum net_kind { NET_SLIRP, NET_TUNTAP, NET_FD, NET_SWITCH, NET_VDE, NET_MCAST };

struct net_open {
	uint32_t kind; /* enum net_kind */
	int32_t irq;   /* the queue's interrupt line */
	/* Wanted number of queues, 0: unset. net_host_check() sets the real number. */
	uint32_t queues;
	/* The link's own words after the kind, separated by commas, or "". Copied, as @value. */
	const char *args;
	/* The whole value of the parameter, including the words for the front end. */
	const char *value;
	/* not 0: net_host_restore() waits until the link is open, or has failed */
	uint32_t wait;
	/* results */
	int32_t host; /* the queue's number */
	/* The link computes TCP checksums and cuts segments. */
	uint32_t offload;
	/* A message for the user, or "". */
	char note[256];
	/* If the open failed: a message of one line, without the parameter's name. */
	char err[256];
};

/* A frame to send: its headers and the pieces of its payload. */
struct net_piece {
	const void *data;
	uint64_t len; /* bytes */
};
struct net_out {
	const void *head;
	const struct net_piece *pieces;
	uint32_t head_len, nr_pieces; /* at most NET_PIECES */
	/* Used if net_open.offload is set: */
	/* Offset of a TCP header whose checksum the host must compute, or 0. */
	uint16_t csum_start;
	/* Payload size of the segments to cut, or 0. */
	uint16_t seg;
	uint32_t v6;
	uint32_t packets; /* owned by the front end */
};
/*
 * Buffer for a frame of @size bytes. @len is set to the frame's length; if that exceeds @size, the
 * frame was cut. The members behind it are results, too.
 */
struct net_in {
	void *data;
	uint32_t size, len;
	/* The host has verified the checksums inside, or knows them to be right. */
	uint32_t csum_ok;
	/* The transport checksum is valid but not computed: the receiver must not check it. */
	uint32_t csum_owed;
	/* The frame combines several TCP segments with this payload size each; 0: it does not. */
	uint32_t seg;
};

/*
 * Prepares for links that are opened after the process is jailed. Called at the start of a process,
 * also before a restore; further calls do nothing. Returns 0 or -errno.
 */
int net_host_setup(void);
/* Checks the words of a link without opening anything. Returns 0, or -EINVAL with o->err set. */
int net_host_check(struct net_open *o);
/*
 * Begins to open a link that starts a process, before the jail closes, and returns at once. A later
 * net_host_open() with the same o->value completes it; other kinds, and links whose start fails
 * here, are left to that call. net_host_drop_begun() ends those that were not completed.
 */
void net_host_begin(const struct net_open *o);
void net_host_drop_begun(void);
/* Opens the first queue, and sets o->host and o->offload. Returns 0 or -errno with o->err set. */
int net_host_open(struct net_open *o);
/*
 * Opens queue @index of the link whose first queue has the number @first and outlives it, as
 * net_host_open().
 */
int net_host_open_queue(struct net_open *o, int first, uint32_t index);
/*
 * After a restore, recreates queue @index under the number o->host and begins to open it. The first
 * queue has @first 0. Returns like net_host_reopen(), which the caller then calls to complete the
 * opening; sets o->err, and o->offload if the queue is open. After -EEXIST or -ENOMEM there is no
 * such queue.
 */
int net_host_restore(struct net_open *o, int first, uint32_t index);
/*
 * Makes the host pass frames to this queue (@on), or no more: frames that the host holds for it are
 * dropped then. Returns 0 or -errno. No vCPU may be receiving from it.
 */
int net_host_attach(int host, int on);
/*
 * Drops the connection, as if the other side had gone; net_host_reopen() follows. No vCPU may be
 * receiving from the queue; one may be sending.
 */
void net_host_drop(int host);
/* True if the other side has gone and the link is not open again yet. */
int net_host_gone(int host);
/* Closes the queue and frees the number. No vCPU may be in a call for it. */
void net_host_close(int host);
/*
 * Receives at most @n <= NET_BATCH frames and returns how many. If fewer than @n, no more have come
 * and the interrupt is armed; 0 also while the link is not open. -EPIPE: the other side has gone;
 * net_host_reopen() may reconnect.
 */
int net_host_recv(int host, struct net_in *in, int n);
/*
 * Sends frames from the front of @out, @n <= NET_BATCH, and returns how many. If fewer than @n, the
 * link is full, and the interrupt is raised when it has room. Frames without a receiver count as
 * sent.
 */
int net_host_send(int host, const struct net_out *out, int n);
/*
 * Records that the interrupt was raised. Called before a refused send is retried; the retry arms
 * the interrupt again if there is still no room.
 */
void net_host_fired(int host);
/*
 * Reopens the link. Returns 0 when it is connected. -EINPROGRESS: the request is not answered yet,
 * call again soon; other -errno: call again later. Does not wait for the other side; in a jail it
 * may wait for the broker (os_jail_open()).
 */
int net_host_reopen(int host);
/* Returns the number of host calls made for the queue. */
uint64_t net_host_calls(int host);

#endif
