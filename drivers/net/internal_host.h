/* SPDX-License-Identifier: MIT */
/*
 * internal_host.h: between net_host.c and the kinds of links. A kind opens an fd that carries frames; net_host.c moves them.
 */
#ifndef NESTLING_NET_INTERNAL_HOST_H
#define NESTLING_NET_INTERNAL_HOST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#include "drivers/net/net_host.h"

struct net_host {
	const struct net_link *link;
	char *args;
	uint32_t queues, index; /* of the link; which of them this is */
	struct net_host *first; /* NULL: it is that itself */
	char name[16];          /* of the first queue's tap device */
	int irq;
	int fd;           /* -1: the other side has gone */
	int parked;       /* then: its number, or -1 */
	pid_t pid;        /* of the helper, 0: none */
	int control;      /* of vde: the connection that keeps us a member, or -1 */
	int asked;        /* who has been asked to let us in and has not answered yet, or -1 */
	int half;         /* of vde, then: the socket that is to be h->fd, or -1 */
	uint64_t give_up; /* then: until when we wait, net_now_ms() */
	bool full;        /* a send has found no room since the event fired last; atomic */
	bool tap;         /* not a socket: a frame a call */
	uint32_t header;  /* bytes of virtio_net_hdr before each frame */
	bool opened;      /* of fd */
	bool has_to;      /* each frame is sent to this address */
	struct sockaddr_in to;
	uint64_t calls;
	char err[256];
};

struct net_link {
	/* Looks at h->args: 0 or -EINVAL with h->err set. */
	int (*check)(struct net_host *h);
	/*
	 * Sets h->fd, a non-blocking socket of frames: 0 or -errno with h->err set. Also after the other side has gone. -EINPROGRESS: h->asked
	 * will answer, or not by h->give_up; to be called again. Waits for nobody.
	 */
	int (*open)(struct net_host *h);
	void (*close)(struct net_host *h); /* what is more than h->fd */
	bool queues;                       /* there may be several */
};

extern const struct net_link slirp_link, tap_link, fd_link, switch_link, vde_link, mcast_link;

/* @fd is a tap device, with a virtio_net_hdr before each frame or without. */
void net_tap_setup(struct net_host *h, int fd, bool vnet);

/* Of a clock that only goes on. */
uint64_t net_now_ms(void);
/* -EINPROGRESS while there is time for an answer, else -EIO and whoever was asked is forgotten. */
int net_wait_on(struct net_host *h);
void net_stop_asking(struct net_host *h);

/* -err, after h->err was written. */
int net_fail(struct net_host *h, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
