/* SPDX-License-Identifier: MIT */
/*
 * internal.h: a network card, between net.c (its frames and its link) and cards.c (adding and
 * removing it).
 */
#ifndef NESTLING_DRIVERS_NET_INTERNAL_H
#define NESTLING_DRIVERS_NET_INTERNAL_H

#include "drivers/net/net_host.h"
#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

#define RX_SLOTS 16
#define OUT_PIECES (4U * NET_BATCH)
/* with headers, a frame and its buffer fill 64 KiB */
#define LARGE_MTU 65480U

/*
 * States: free -> (parsed) given -> (card_start) running, with a link or without -> (card_stop)
 * free. The device's memory is kept for the next card of this number, since connections remember
 * the device that they last sent by.
 */
struct card_queue {
	struct card *card;
	char name[16]; /* of its interrupt */
	int irq;
	/*
	 * poll() does nothing: the host hands this queue no frames (ethtool -L), or its link is
	 * being opened. Under link.c's mutex.
	 */
	bool off;
	int host;                        /* its number */
	struct sk_buff *slots[RX_SLOTS]; /* owned by poll() */
	struct outbox *outbox;           /* owned by send() */
};

struct card {
	/* under cards_lock, or at boot */
	char param[12], text[1024], rest[1024]; /* "eth0"; all words; the link's words */
	struct net_open open;
	u8 mac[ETH_ALEN];
	bool given, has_mac, optional;
	u32 mtu;
	struct net_device *memory;
	/* Memory of its NETDEV_QUEUES - 1 further queues, or NULL if it never had any. */
	struct netdev_queue *more;

	struct net_device *dev; /* NULL: not running */
	struct card_queue *q;   /* open.queues of them */
	struct ktimer retry;    /* card_link_setup() */
	struct work reopen;
	u32 lost; /* the other side has gone */
	/* card_stop() has begun: the timer and the work no longer start each other. */
	bool leaving;
	/* after a restore: the parameters name another link than the saved one; its first return */
	bool anew, restored;
	/* After a restore: the address that the parameters give it. */
	bool new_mac;
	/* when the loss of the link was last reported on stderr */
	u64 told_at;
};

/* The frames of a call of send(). */
struct outbox {
	struct net_out out[NET_BATCH];
	struct net_piece pieces[OUT_PIECES];
	u8 heads[NET_BATCH][SKB_ROOM]; /* of frames that are several packets */
};

/* ---- net.c ---- */

extern const struct netdev_ops card_ops[]; /* by NET_* */
#define CARD_KINDS 6

void card_irq(void *queue);
/* Sets up the timer and the work that reconnect the link; they do not run yet. */
void card_link_setup(struct card *c);
/*
 * Makes the link of a restored card again. Returns 0 if it is there or on its way, or -errno with a
 * line in @err: the card has none.
 */
int card_link_restore(struct card *c, char *err, size_t size);
/* Shows the guest that the cable was pulled, and plugs it in. May sleep. */
void card_link_resume(struct card *c);
/* Stops all work of @c for good; its interrupt is quiet already. May sleep. */
void card_link_end(struct card *c);

#endif
