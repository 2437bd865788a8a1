/* SPDX-License-Identifier: MIT */
/*
 * internal_host.h: between net_host.c and the kinds of links. A kind opens a descriptor that
 * carries frames; net_host.c moves them.
 */
#ifndef NESTLING_NET_INTERNAL_HOST_H
#define NESTLING_NET_INTERNAL_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "drivers/net/net_host.h"

struct net_host {
	const struct net_link *link;
	char *args, *value;
	uint32_t queues, index; /* of the link; the index of this one */
	struct net_host *first; /* first queue; NULL if this is it */
	char name[16];          /* of the first queue's tap device */
	int irq;
	int fd;     /* -1: the other side has gone */
	int parked; /* while gone: its number, or -1 */
	pid_t pid;  /* of the helper, or 0 */
	/*
	 * mcast: the connected socket that sends frames; -1: fd sends them. It keeps its number
	 * until the link is closed.
	 */
	int out;
	/* vde: the connection that keeps us a member, or -1 */
	int control;
	/* connection whose answer to a request to join is missing, or -1 */
	int asked;
	/* vde, meanwhile: the socket that will become h->fd, or -1 */
	int half;
	uint64_t give_up; /* end of that wait, net_now_ms() */
	/* atomic: a send has found no room since the event last fired */
	bool full;
	bool tap; /* not a socket: one frame for each call */
	/* bytes of virtio_net_hdr before each frame */
	uint32_t header;
	bool opened; /* of fd */
	uint64_t calls;
	char err[256];
};

struct net_link {
	/* Checks h->args. Returns 0 or -EINVAL with h->err set. */
	int (*check)(struct net_host *h);
	/*
	 * Sets h->fd, a non-blocking socket of frames, also after the other side has gone. Returns
	 * 0 or -errno with h->err set. Returns -EINPROGRESS if h->asked has yet to answer, at the
	 * latest by h->give_up: then the caller calls it again. Never waits.
	 */
	int (*open)(struct net_host *h);
	/* closes all but h->fd and h->out */
	void (*close)(struct net_host *h);
	bool queues; /* the link may have several */
};

extern const struct net_link slirp_link, tap_link, fd_link, switch_link, vde_link, mcast_link;

/*
 * ---- opener_host.c: links of a jailed process ----
 *
 * net_jailed_open() does what h->link->open() does, by h->value, and may wait. net_nowhere()
 * returns a socket that goes nowhere, which the caller closes, or -1.
 */
int net_jailed_open(struct net_host *h);
int net_nowhere(void);

/* Makes @fd what frames leave by, under the number that h->out has already if it has one. */
void net_set_out(struct net_host *h, int fd);
/* Sets up the tap device @fd, with a virtio_net_hdr before each frame or without. */
void net_tap_setup(struct net_host *h, int fd, bool vnet);

/* Returns the time of a monotonic clock. */
uint64_t net_now_ms(void);
/* Returns -EINPROGRESS while an answer may still come, else -EIO, and gives up the request. */
int net_wait_on(struct net_host *h);
void net_stop_asking(struct net_host *h);

/* Writes h->err and returns -err. */
int net_fail(struct net_host *h, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
