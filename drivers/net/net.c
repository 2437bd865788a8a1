/* SPDX-License-Identifier: MIT */
/*
 * net.c: network cards, front end: frames between the stack and a link of the host, and the link's
 * loss and return. cards.c has the parameters.
 *
 * Frames go in batches: a host call carries up to NET_BATCH of them. Frames are received into
 * buffers that the card keeps; a small frame is copied out of its buffer, a large one is passed on
 * with its buffer.
 *
 * A card has one queue, or several, each with a descriptor, an interrupt, buffers and a poller of
 * its own (struct card_queue). ethtool -L sets how many are used; the host passes frames to these
 * only.
 *
 * When the other side goes away the card loses its link (no carrier) and tries to reconnect once a
 * second; the log and the host's standard error report it. A restored instance gets a new link, so
 * the card loses its carrier for a moment: the guest's programs request addresses and neighbours
 * again, and frames in flight are lost. Locks: none of its own. For each queue one vCPU at a time
 * calls poll() and send() (netdev.h). link.c's mutex protects the number of used queues, and the
 * return of a link that has several.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/net/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/link/link.h"
#include "kernel/sched/sched.h"

/* Frames below this size are copied, and those that would waste most of a buffer. */
#define COPY_BREAK 4096U
#define RETRY NSEC_PER_SEC
#define RETRY_SOON (RETRY / 500)         /* a request to join has no answer yet */
#define REPORT_EVERY (10 * NSEC_PER_SEC) /* interval of messages on stderr */

/* ---- frames ---- */

static struct card *CARD(struct net_device *dev)
{
	return dev->private;
}

static struct card_queue *QUEUE(struct netdev_queue *q)
{
	return &CARD(q->dev)->q[q->index];
}

/*
 * Returns the size of the largest frame that may be received. A tap device delivers segments before
 * they are cut to the MTU.
 */
static u32 frame_size(const struct card *c)
{
	if (c->open.kind == NET_TUNTAP || c->open.kind == NET_FD)
		return 65536 + ETH_HLEN;
	return c->dev->ops->max_mtu + ETH_HLEN;
}

/* Writes one line to the host's standard error, but at most one in REPORT_EVERY. */
static void report_link(struct card *c, const char *what)
{
	u64 now = ktime_get();
	char line[80];

	if (c->reported_at && now - c->reported_at < REPORT_EVERY)
		return;
	c->reported_at = now;
	scnprintf(line, sizeof(line), "nestling: %s: %s\n", c->param, what);
	arch_early_write(line, strlen(line));
}

static void retry_after(struct card *c, u64 ns)
{
	if (!READ_ONCE(c->leaving))
		timer_start(&c->retry, ktime_get() + ns);
}

/*
 * Called when a queue has found its link ended. Other queues find that too, or are closed when the
 * link is reopened.
 */
static void link_lost(struct card *c)
{
	if (!c->dev->carrier || xchg(&c->lost, 1))
		return;
	netdev_set_carrier(c->dev, false);
	pr_warn("%s: the other side has gone\n", c->dev->name);
	report_link(c, "the other side has gone");
	retry_after(c, RETRY);
}

/* Fills @in with buffers for the next frames, and allocates missing ones. Returns how many. */
static int fill_slots(struct card_queue *cq, struct net_in *in, u32 most)
{
	const struct card *c = cq->card;
	int n = 0;

	for (; n < (int)most; n++) {
		struct sk_buff **s = &cq->slots[n];

		if (!*s)
			*s = skb_alloc(frame_size(c), GFP_ATOMIC);
		if (!*s)
			break;
		in[n] = (struct net_in){ .data = skb_payload(*s), .size = frame_size(c) };
	}
	return n;
}

/* True for a frame that this card has sent: a multicast group delivers it to its sender too. */
static bool own_echo(const struct card *c, const struct sk_buff *skb, u32 len)
{
	return c->open.kind == NET_MCAST && len >= ETH_HLEN &&
	       !memcmp(skb_payload(skb) + ETH_ALEN, c->dev->addr, ETH_ALEN);
}

/* Passes a received frame to the stack. @queue: number of its queue. */
static void receive(struct card *c, u32 queue, struct sk_buff **slot, const struct net_in *in)
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
	skb->queue = (u16)queue;
	eth_rx(c->dev, skb);
}

static u32 card_poll(struct netdev_queue *q, u32 budget)
{
	struct card_queue *cq = QUEUE(q);
	struct card *c = cq->card;
	struct net_in in[RX_SLOTS];
	u32 done = 0, number = c->open.queues > 1 ? q->index + 1 : 0;

	while (done < budget && !READ_ONCE(cq->off)) {
		int n = fill_slots(cq, in, min(budget - done, (u32)RX_SLOTS)), got;

		if (!n) { /* no memory: retry soon */
			retry_after(c, RETRY / 100);
			return 0;
		}
		got = net_host_recv(cq->host, in, n);
		if (got < 0) {
			link_lost(c);
			return done;
		}
		for (int i = 0; i < got; i++)
			receive(c, number, &cq->slots[i], &in[i]);
		done += (u32)got;
		if (got < n)
			return min(done, budget - 1);
	}
	return READ_ONCE(cq->off) ? min(done, budget - 1) : done;
}

/*
 * Fills @out with the frame that begins with packet @first. @pieces has @room free entries for it.
 */
static void make_frame(struct card_queue *cq, const struct list_head *queue,
	const struct sk_buff *first, struct net_out *out, struct net_piece *pieces, u32 room)
{
	u8 *head = cq->outbox->heads[out - cq->outbox->out];
	struct gso_frame f = { .packets = 1, .head_len = skb_headlen(first) };

	if (cq->card->dev->csum_out)
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

/*
 * Gathers the first packets of the queue into frames for one host call. Returns the number of
 * frames.
 */
static int gather(struct card_queue *cq, const struct list_head *queue)
{
	const struct sk_buff *skb = list_first_entry(queue, struct sk_buff, list);
	u32 used = 0;
	int n = 0;

	while (&skb->list != queue && n < NET_BATCH && used < OUT_PIECES) {
		struct net_out *out = &cq->outbox->out[n++];

		make_frame(cq, queue, skb, out, cq->outbox->pieces + used, OUT_PIECES - used);
		used += out->nr_pieces;
		for (u32 i = 0; i < out->packets; i++)
			skb = list_next_entry(skb, list);
	}
	return n;
}

/* Drops the first @n packets of the queue, which were sent. */
static void drop_first(struct list_head *queue, u32 n)
{
	while (n--) {
		struct sk_buff *skb = list_first_entry(queue, struct sk_buff, list);

		list_del_init(&skb->list);
		kfree_skb(skb);
	}
}

static u32 card_send(struct netdev_queue *q, struct list_head *queue)
{
	struct card_queue *cq = QUEUE(q);
	u32 done = 0;
	int n, sent;

	do {
		n = gather(cq, queue);
		sent = n ? net_host_send(cq->host, cq->outbox->out, n) : 0;
		for (int i = 0; i < sent; i++) {
			drop_first(queue, cq->outbox->out[i].packets);
			done += cq->outbox->out[i].packets;
		}
	} while (n && sent == n);
	return done;
}

void card_irq(void *arg)
{
	struct card_queue *cq = arg;
	struct net_device *dev = READ_ONCE(cq->card->dev);
	struct netdev_queue *q;

	if (!dev)
		return;
	q = netdev_queue(dev, (u32)(cq - cq->card->q));
	net_host_fired(cq->host);
	/*
	 * While @busy, a send may have found no room and not set @stopped yet (netdev_io.c sets
	 * @busy first).
	 */
	if (smp_load_acquire(&q->busy) || READ_ONCE(q->stopped))
		netdev_tx_wake(q);
	netdev_poll(q);
}

/*
 * ---- number of queues; link.c's mutex held ----
 *
 * The device may be registered, and so used, before card->dev is set.
 */

/*
 * Switches a queue off and waits until its poll has ended: frames that it has received reach their
 * sockets before the host passes frames of their flows to other queues. May sleep.
 */
static void queue_off(struct net_device *dev, u32 index)
{
	WRITE_ONCE(CARD(dev)->q[index].off, true);
	while (netdev_polling(netdev_queue(dev, index))) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + NSEC_PER_MSEC);
	}
}

static void queue_on(struct net_device *dev, u32 index)
{
	WRITE_ONCE(CARD(dev)->q[index].off, false);
	netdev_poll(netdev_queue(dev, index));
}

/* Makes the host pass no more frames to the queues [@from, @to). */
static void detach(struct net_device *dev, u32 from, u32 to)
{
	while (to-- > from) {
		queue_off(dev, to);
		net_host_attach(CARD(dev)->q[to].host, false);
	}
}

static int card_set_queues(struct net_device *dev, u32 n)
{
	struct card *c = CARD(dev);
	u32 was = dev->real_tx;

	if (!READ_ONCE(dev->carrier))
		return -ENETDOWN;
	for (u32 i = was; i < n; i++) {
		int err = net_host_attach(c->q[i].host, true);

		if (err) {
			detach(dev, was, i);
			return err;
		}
		queue_on(dev, i);
	}
	netdev_resize_tx(dev, n);
	netdev_notify_queues(dev, n, n);
	detach(dev, n, was);
	return 0;
}

#define CARD_OPS(name)                                                                             \
	{                                                                                          \
		.driver = name, .qdisc = "pfifo_fast", .max_mtu = LARGE_MTU, .send = card_send,    \
		.poll = card_poll, .set_queues = card_set_queues                                   \
	}
const struct netdev_ops card_ops[CARD_KINDS] = {
	[NET_SLIRP] = CARD_OPS("slirp"),
	[NET_TUNTAP] = CARD_OPS("tuntap"),
	[NET_FD] = CARD_OPS("fd"),
	[NET_SWITCH] = CARD_OPS("switch"),
	[NET_VDE] = CARD_OPS("vde"),
	[NET_MCAST] = CARD_OPS("mcast"),
};

/* ---- reconnecting ---- */

static void retry_now(struct ktimer *t)
{
	struct card *c = container_of(t, struct card, retry);

	if (!c->dev->carrier) {
		work_queue(&c->reopen);
		return;
	}
	for (u32 i = 0; i < c->open.queues; i++)
		netdev_poll(netdev_queue(c->dev, i));
}

/*
 * Reopens all queues of a link that has several, or none of them. Returns 0 or -errno. link.c's
 * mutex is held.
 */
static int reopen_queues(struct card *c)
{
	u32 n = c->open.queues;
	int err = 0;

	for (u32 i = n; i--;) {
		queue_off(c->dev, i);
		net_host_drop(c->q[i].host);
	}
	for (u32 i = 0; i < n && !err; i++)
		err = net_host_reopen(c->q[i].host);
	for (u32 i = n; err && i--;)
		net_host_drop(c->q[i].host);
	if (err)
		return err;
	detach(c->dev, c->dev->real_tx, n);
	for (u32 i = 0; i < c->dev->real_tx; i++)
		WRITE_ONCE(c->q[i].off, false);
	return 0;
}

static bool all_open(const struct card *c)
{
	for (u32 i = 0; i < c->open.queues; i++)
		if (net_host_gone(c->q[i].host))
			return false;
	return true;
}

static int reopen_link(struct card *c)
{
	int err;

	if (all_open(c)) /* opened after a restore */
		return 0;
	if (c->open.queues == 1)
		return net_host_reopen(c->q[0].host);
	link_lock();
	err = reopen_queues(c);
	link_unlock();
	return err;
}

static void reopen(struct work *w)
{
	struct card *c = container_of(w, struct card, reopen);
	int err = reopen_link(c);

	if (err == -ENOTCONN) /* a kind that cannot reconnect */
		return;
	if (err) {
		retry_after(c, err == -EINPROGRESS ? RETRY_SOON : RETRY);
		return;
	}
	WRITE_ONCE(c->lost, 0);
	netdev_set_carrier(c->dev, true);
	for (u32 i = 0; i < c->open.queues; i++)
		if (net_host_gone(c->q[i].host)) { /* lost again before the card noticed */
			link_lost(c);
			return;
		}
	/*
	 * A vCPU in send() may have stopped the queue when the link was lost, though it is empty
	 * now.
	 */
	for (u32 i = 0; i < c->open.queues; i++)
		netdev_tx_wake(netdev_queue(c->dev, i));
	if (c->open.queues > 1)
		retry_after(c, 0); /* polls for frames that came before this */
	if (xchg(&c->restored, false))
		return;
	pr_info("%s: the link is back\n", c->dev->name);
	report_link(c, "the link is back");
}

void card_link_setup(struct card *c)
{
	timer_setup(&c->retry, retry_now);
	work_setup(&c->reopen, reopen);
	c->reported_at = 0;
	c->lost = 0;
	WRITE_ONCE(c->leaving, false);
}

/*
 * Ends the timer and the work. The timer queues the work and polls; the work and a poll start the
 * timer. With @leaving set none starts another, so each runs at most once more.
 */
void card_link_end(struct card *c)
{
	WRITE_ONCE(c->leaving, true);
	for (int i = 0; i < 2; i++) {
		timer_cancel_sync(&c->retry);
		work_flush(&c->reopen);
		for (u32 k = 0; k < c->open.queues; k++)
			work_flush(&netdev_queue(c->dev, k)->poll_work);
	}
}

/* ---- after a restore ---- */

/* Restores all queues. Returns the value of net_host_restore(). */
static int restore_queues(struct card *c)
{
	int err = 0, first;

	for (u32 i = 0; i < c->open.queues; i++) {
		c->open.irq = c->q[i].irq;
		c->open.host = c->q[i].host;
		/* a link that the user names now is refused now */
		c->open.wait = c->anew && !c->optional;
		first = net_host_restore(&c->open, i ? c->q[0].host : 0, i);
		if (first == -EEXIST || first == -ENOMEM)
			return first;
		err = err ? err : first;
	}
	/* Open all queues or none. The queues that ethtool has switched off get no frames. */
	for (u32 i = c->open.queues; c->open.queues > 1 && i--;) {
		if (err)
			net_host_drop(c->q[i].host);
		else if (i >= c->dev->real_tx)
			net_host_attach(c->q[i].host, false);
	}
	return err;
}

int card_link_restore(struct card *c, char *err, size_t size)
{
	int bad;

	c->open.err[0] = 0;
	bad = restore_queues(c);
	if (!bad)
		c->dev->csum_out = c->open.offload;
	else if (c->anew)
		c->dev->csum_out = false;
	WRITE_ONCE(c->lost, 1);
	if (!bad || bad == -EINPROGRESS)
		return 0;
	invalid(err, size, "%s", c->open.err);
	return bad;
}

void card_link_resume(struct card *c)
{
	c->restored = true;
	netdev_set_carrier(c->dev, false);
	retry_after(c, 0);
}
