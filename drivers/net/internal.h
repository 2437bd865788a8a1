/* SPDX-License-Identifier: MIT */
/*
 * internal.h: struct card, a network card, shared by net.c (frames, loss of the link) and cards.c
 * (adding and removing cards).
 */
#ifndef NESTLING_DRIVERS_NET_INTERNAL_H
#define NESTLING_DRIVERS_NET_INTERNAL_H

#include "drivers/net/net_host.h"
#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

#define RX_SLOTS 16
#define OUT_PIECES (4U * NET_BATCH)
/* With headers, a frame of this MTU fills a buffer of 64 KiB. */
#define LARGE_MTU 65480U

/*
 * States: free -> (parsed) given -> (card_start) running, with a link or without -> (card_stop)
 * free. The device's memory is kept for the next card of this number, since connections keep a
 * pointer to the device through which they sent last.
 */
struct card_queue {
	struct card *card;
	char name[16]; /* of its interrupt */
	int irq;
	/*
	 * True while poll() must receive nothing: the host passes no frames to this queue (ethtool
	 * -L), or the link is being opened. Under link.c's mutex.
	 */
	bool off;
	int host;                        /* the queue's number in net_host.h */
	struct sk_buff *slots[RX_SLOTS]; /* owned by poll() */
	struct outbox *outbox;           /* owned by send(), whose queue is locked */
};

struct card {
	/* Members down to @more: under cards_lock, or written at boot. */
	/*
	 * param: "eth0". text: all words of the parameter. rest: the words for the link. There is
	 * room for 64 forwarded ports (tools/slirp/slirp.h).
	 */
	char param[12], text[4096], rest[4096];
	struct net_open open;
	u8 mac[ETH_ALEN];
	bool given, has_mac, optional;
	u32 mtu; /* bytes; 0: the default */
	struct net_device *memory;
	/* Memory of its further NETDEV_QUEUES - 1 queues, or NULL. */
	struct netdev_queue *more;

	struct net_device *dev; /* NULL: not running */
	struct card_queue *q;   /* open.queues of them */
	struct ktimer retry;    /* reconnects: card_link_setup() */
	struct work reopen;
	u32 lost; /* atomic; true: the other side has gone */
	/* card_stop() has begun: timer and work must not start each other again. */
	bool leaving;
	/*
	 * After a restore: @anew: the parameters name another link than the saved one. @restored:
	 * the link has not come back yet.
	 */
	bool anew, restored;
	/* After a restore: the parameters give it a new MAC address. */
	bool new_mac;
	/* ktime_get() when a change of the link was last reported on stderr. */
	u64 reported_at;
};

/* Buffers for the frames of one call of send(). */
struct outbox {
	struct net_out out[NET_BATCH];
	struct net_piece pieces[OUT_PIECES];
	u8 heads[NET_BATCH][SKB_ROOM]; /* for frames that contain several packets */
};

/* ---- net.c ---- */

extern const struct netdev_ops card_ops[]; /* by NET_* */
#define CARD_KINDS 6

/* Interrupt handler of a struct card_queue. */
void card_irq(void *queue);
/* Sets up the timer and the work that reconnect the link, without starting them. */
void card_link_setup(struct card *c);
/*
 * Reopens the link of a restored card. Returns 0 if it is open or being opened, or -errno with a
 * message in @err: the card then has no link. Called while the machine is stopped.
 */
int card_link_restore(struct card *c, char *err, size_t size);
/*
 * Drops the carrier of a restored card, which a timer raises again when the link is open, as if the
 * guest's cable was pulled and plugged in. May sleep.
 */
void card_link_resume(struct card *c);
/* Stops timer and work of @c for good; its interrupt is already disabled. May sleep. */
void card_link_end(struct card *c);

#endif
