/* SPDX-License-Identifier: MIT */
/*
 * net.c: network cards, front end: frames between the stack and a link of the host, and the link's loss and return. cards.c has the
 * parameters.
 *
 * Frames go in batches: a host call carries up to NET_BATCH of them. What arrives is read into buffers that
 * the card keeps; a small frame is copied out of its buffer, a large one takes the buffer along.
 *
 * When the other side goes away the card loses its link (no carrier) and asks for it again once a second; the log and the host's
 * standard error are told.
 * Locks: none of its own. poll() and send() are called by one vCPU at a time each (netdev.h).
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "drivers/net/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/gso.h"

#define COPY_BREAK                                                                                 \
	4096U /* smaller frames are copied out, and all that would waste most of a buffer */
#define RETRY NSEC_PER_SEC
#define RETRY_SOON (RETRY / 50)        /* who has been asked has not answered */
#define TELL_AGAIN (10 * NSEC_PER_SEC) /* on stderr */

/* ---- frames ---- */

static struct card *CARD(struct net_device *dev)
{
	return dev->private;
}

/* The largest frame that may come. A tap device hands over segments that nobody has cut. */
static u32 frame_size(const struct card *c)
{
	if (c->open.kind == NET_TUNTAP || c->open.kind == NET_FD)
		return 65536 + ETH_HLEN;
	return c->dev->ops->max_mtu + ETH_HLEN;
}

/* One line on the host's standard error, but not about a link that comes and goes all the time. */
static void tell(struct card *c, const char *what)
{
	u64 now = ktime_get();
	char line[80];

	if (c->told_at && now - c->told_at < TELL_AGAIN)
		return;
	c->told_at = now;
	scnprintf(line, sizeof(line), "nestling: %s: %s\n", c->param, what);
	arch_early_write(line, strlen(line));
}

static void retry_after(struct card *c, u64 ns)
{
	if (!READ_ONCE(c->leaving))
		timer_start(&c->retry, ktime_get() + ns);
}

static void link_lost(struct card *c)
{
	if (!c->dev->carrier)
		return;
	netdev_set_carrier(c->dev, false);
	pr_warn("%s: the other side has gone\n", c->dev->name);
	tell(c, "the other side has gone");
	retry_after(c, RETRY);
}

/* Buffers for the next frames: how many, in order. */
static int fill_slots(struct card *c, struct net_in *in, u32 most)
{
	int n = 0;

	for (; n < (int)most; n++) {
		struct sk_buff **s = &c->slots[n];

		if (!*s)
			*s = skb_alloc(frame_size(c), GFP_ATOMIC);
		if (!*s)
			break;
		in[n] = (struct net_in){ .data = skb_payload(*s), .size = frame_size(c) };
	}
	return n;
}

/* In a multicast group everybody hears himself. */
static bool own_echo(const struct card *c, const struct sk_buff *skb, u32 len)
{
	return c->open.kind == NET_MCAST && len >= ETH_HLEN &&
	       !memcmp(skb_payload(skb) + ETH_ALEN, c->dev->addr, ETH_ALEN);
}

static void receive(struct card *c, struct sk_buff **slot, const struct net_in *in)
{
	struct sk_buff *skb = *slot;
	u32 len = in->len;

	if (own_echo(c, skb, min(len, in->size)))
		return;
	if (len > frame_size(c)) {
		c->dev->stats.rx_errors++;
		return;
	}
	if (len < max(COPY_BREAK, frame_size(c) / 4)) {
		skb = skb_alloc(max(len, 1U), GFP_ATOMIC);
		if (!skb) {
			c->dev->stats.rx_dropped++;
			return;
		}
		memcpy(skb_payload(skb), skb_payload(*slot), len);
	} else {
		*slot = NULL;
	}
	skb->len = len;
	skb->foreign = true;
	skb->csum_ok = in->csum_ok;
	skb->csum_owed = in->csum_owed;
	skb->gso = (u16)min(in->seg, 65535U);
	eth_rx(c->dev, skb);
}

static u32 card_poll(struct net_device *dev, u32 budget)
{
	struct card *c = CARD(dev);
	struct net_in in[RX_SLOTS];
	u32 done = 0;

	while (done < budget) {
		int n = fill_slots(c, in, min(budget - done, (u32)RX_SLOTS)), got;

		if (!n) { /* no memory: try again soon */
			retry_after(c, RETRY / 100);
			return 0;
		}
		got = net_host_recv(c->host, in, n);
		if (got < 0) {
			link_lost(c);
			return done;
		}
		for (int i = 0; i < got; i++)
			receive(c, &c->slots[i], &in[i]);
		done += (u32)got;
		if (got < n)
			return min(done, budget - 1);
	}
	return done;
}

/* The frame that begins with @first: its pieces from @pieces on, of which @room are free. */
static void make_frame(struct card *c, const struct list_head *queue, const struct sk_buff *first,
	struct net_out *out, struct net_piece *pieces, u32 room)
{
	u8 *head = c->outbox->heads[out - c->outbox->out];
	struct gso_frame f = { .packets = 1, .head_len = skb_headlen(first) };

	if (c->dev->csum_out)
		gso_join(queue, first, min(room, (u32)NET_PIECES), head, &f);
	*out = (struct net_out){
		.head = f.packets > 1 ? head : first->room + first->head,
		.pieces = pieces,
		.head_len = f.head_len,
		.csum_start = f.csum_start,
		.seg = f.seg,
		.v6 = f.v6,
		.packets = f.packets,
	};
	for (u32 i = 0; i < f.packets; i++, first = list_next_entry(first, list))
		if (first->len)
			pieces[out->nr_pieces++] =
				(struct net_piece){ skb_payload(first), first->len };
}

/* The first packets of the queue, as the host wants them. */
static int gather(struct card *c, const struct list_head *queue)
{
	const struct sk_buff *skb = list_first_entry(queue, struct sk_buff, list);
	u32 used = 0;
	int n = 0;

	while (&skb->list != queue && n < NET_BATCH && used < OUT_PIECES) {
		struct net_out *out = &c->outbox->out[n++];

		make_frame(c, queue, skb, out, c->outbox->pieces + used, OUT_PIECES - used);
		used += out->nr_pieces;
		for (u32 i = 0; i < out->packets; i++)
			skb = list_next_entry(skb, list);
	}
	return n;
}

/* The first @n packets have gone. */
static void drop_first(struct list_head *queue, u32 n)
{
	while (n--) {
		struct sk_buff *skb = list_first_entry(queue, struct sk_buff, list);

		list_del_init(&skb->list);
		kfree_skb(skb);
	}
}

static u32 card_send(struct net_device *dev, struct list_head *queue)
{
	struct card *c = CARD(dev);
	u32 done = 0;
	int n, sent;

	do {
		n = gather(c, queue);
		sent = n ? net_host_send(c->host, c->outbox->out, n) : 0;
		for (int i = 0; i < sent; i++) {
			drop_first(queue, c->outbox->out[i].packets);
			done += c->outbox->out[i].packets;
		}
	} while (n && sent == n);
	return done;
}

void card_irq(void *arg)
{
	struct card *c = arg;
	struct net_device *dev = READ_ONCE(c->dev);

	if (!dev)
		return;
	net_host_fired(c->host);
	/* busy: it may have found no room and not said so yet (netdev_io.c puts the one before the other) */
	if (smp_load_acquire(&dev->tx_busy) || READ_ONCE(dev->tx_stopped))
		netdev_tx_wake(dev);
	netdev_poll(dev);
}

#define CARD_OPS(name)                                                                             \
	{                                                                                          \
		.driver = name, .qdisc = "pfifo_fast", .max_mtu = LARGE_MTU, .send = card_send,    \
		.poll = card_poll                                                                  \
	}
const struct netdev_ops card_ops[CARD_KINDS] = {
	[NET_SLIRP] = CARD_OPS("slirp"),
	[NET_TUNTAP] = CARD_OPS("tuntap"),
	[NET_FD] = CARD_OPS("fd"),
	[NET_SWITCH] = CARD_OPS("switch"),
	[NET_VDE] = CARD_OPS("vde"),
	[NET_MCAST] = CARD_OPS("mcast"),
};

/* ---- the other side comes back ---- */

static void retry_now(struct ktimer *t)
{
	struct card *c = container_of(t, struct card, retry);

	if (c->dev->carrier)
		netdev_poll(c->dev);
	else
		work_queue(&c->reopen);
}

static void reopen(struct work *w)
{
	struct card *c = container_of(w, struct card, reopen);
	int err = net_host_reopen(c->host);

	if (err == -ENOTCONN) /* of a kind that cannot come back */
		return;
	if (err) {
		retry_after(c, err == -EINPROGRESS ? RETRY_SOON : RETRY);
		return;
	}
	netdev_set_carrier(c->dev, true);
	/* who was in send() when the link went may have stopped it after all was thrown away */
	netdev_tx_wake(c->dev);
	pr_info("%s: the link is back\n", c->dev->name);
	tell(c, "the link is back");
}

void card_link_setup(struct card *c)
{
	timer_setup(&c->retry, retry_now);
	work_setup(&c->reopen, reopen);
	c->told_at = 0;
	WRITE_ONCE(c->leaving, false);
}

/* The timer queues the work and polls; the work and a poll start the timer: all of them once more, when none starts another. */
void card_link_end(struct card *c)
{
	WRITE_ONCE(c->leaving, true);
	for (int i = 0; i < 2; i++) {
		timer_cancel_sync(&c->retry);
		work_flush(&c->reopen);
		work_flush(&c->dev->poll_work);
	}
}
