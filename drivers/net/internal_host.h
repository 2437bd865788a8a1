/* SPDX-License-Identifier: MIT */
/*
 * internal_host.h: declarations shared by net_host.c and the files of the link kinds. A kind opens
 * a descriptor that carries frames; net_host.c moves them. Functions that return int return 0 or
 * -errno, with h->err set on failure, unless their comment says otherwise.
 */
#ifndef NESTLING_NET_INTERNAL_HOST_H
#define NESTLING_NET_INTERNAL_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "drivers/net/net_host.h"

struct net_host {
	const struct net_link *link;
	char *args, *value;
	uint32_t queues, index; /* of the link; number of this queue */
	struct net_host *first; /* first queue of the link; NULL: is first */
	char name[16];          /* of the first queue's tap device */
	int irq;
	int fd; /* -1: the other side has gone */
	/* while fd is -1: descriptor that keeps fd's number reserved; else -1 */
	int parked;
	/* The slirp helper's if it is this process's child, or 0. */
	pid_t pid;
	/* slirp: the helper's end of the socket until the helper is started, or -1. */
	int helper_end;
	/* True if open() may leave the start of a process to slirp_at_jail(). */
	bool may_delay;
	/*
	 * mcast: the connected socket for sending; -1: frames are sent on fd. Its number does not
	 * change until the link is closed.
	 */
	int out;
	/*
	 * vde: the control connection, which keeps this process registered with the switch, or -1.
	 */
	int control;
	/*
	 * Connection on which an answer is expected, or -1. vde: the answer to the request to join;
	 * slirp: the helper's first message.
	 */
	int asked;
	/* vde, while joining: the socket that will become h->fd, or -1. */
	int half;
	uint64_t give_up; /* net_now_ms() at which waiting ends */
	/*
	 * Atomic: a send has found no room since the interrupt was last raised for this queue
	 * (net_host_fired()).
	 */
	bool full;
	bool tap; /* a tap device: one frame a host call */
	/* Bytes of virtio_net_hdr before each frame. */
	uint32_t header;
	/* kind fd: the descriptor has been used */
	bool opened;
	/*
	 * The next link that was begun and not opened yet (net_host_begin()), or whose helper is to
	 * be started (slirp_at_jail()).
	 */
	struct net_host *next;
	uint64_t calls; /* host calls; atomic */
	char err[256];  /* one line */
};

struct net_link {
	/* Checks h->args. Returns 0 or -EINVAL with h->err set. */
	int (*check)(struct net_host *h);
	/*
	 * Sets h->fd to a non-blocking descriptor of frames; also called to reconnect. Returns 0 or
	 * -errno with h->err set. Returns -EINPROGRESS if the answer on h->asked is still to come:
	 * the caller then calls it again, until h->give_up at the latest. Never blocks.
	 */
	int (*open)(struct net_host *h);
	/*
	 * Called after h->fd was closed, and when the link is closed: closes h->control, or ends
	 * the slirp helper. NULL: there is nothing else to end.
	 */
	void (*close)(struct net_host *h);
	bool queues; /* the link may have several queues */
	/* open() starts a process, whose answer takes a while */
	bool starts;
};

extern const struct net_link slirp_link, tap_link, fd_link, switch_link, vde_link, mcast_link;

/*
 * Called when the jail is about to close, or to be absent. Starts the helpers that were delayed: by
 * the broker, which does so once the jail has closed, or without a jail itself.
 */
void slirp_at_jail(void);

/*
 * ---- opener_host.c: links of a jailed process ----
 *
 * net_jailed_open() replaces h->link->open() in a jailed process: it passes h->value to the broker,
 * a process outside of the jail, and may wait. net_nowhere() returns an unconnected socket, which
 * the caller closes, or -1.
 */
int net_jailed_open(struct net_host *h);
int net_nowhere(void);

/*
 * Makes @fd, which it consumes, the descriptor for sending, under the number that h->out already
 * has, if any.
 */
void net_set_out(struct net_host *h, int fd);
/* Sets up the tap device @fd; @vnet: each frame is preceded by a virtio_net_hdr. */
void net_tap_setup(struct net_host *h, int fd, bool vnet);

/* Returns the time of the host's monotonic clock, in ms. */
uint64_t net_now_ms(void);
/*
 * Returns -EINPROGRESS while the answer on h->asked may still come. Else cancels the request and
 * returns -EIO. Does not set h->err.
 */
int net_wait_on(struct net_host *h);
void net_stop_asking(struct net_host *h); /* closes h->asked and h->half */

/* Writes h->err and returns -@err; @err is an errno > 0. */
int net_fail(struct net_host *h, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
