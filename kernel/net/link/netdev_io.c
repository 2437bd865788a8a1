/* SPDX-License-Identifier: MIT */
/*
 * netdev_io.c: passes packets between devices and the network layer.
 *
 *      dev_xmit() -> lo -> netif_rx() -> this vCPU's backlog -> net_rx_flush() -> ip_rcv()
 *      dev_xmit() -> a card's queue -> net_rx_flush() -> its send(), many packets at once
 *      interrupt -> netdev_poll() -> its poll() -> netif_rx() -> net_rx_flush() -> ip_rcv()
 *
 * A packet to this machine is processed by the vCPU that sent it, after the sender has released its
 * locks: no thread is woken up, and only the receiving socket's lock is taken. Packets sent in
 * response (acknowledgements) are added to the end of the backlog. A flush ends after FLUSH_MAX
 * packets: a kernel thread processes the rest (spill). So frames that circle between devices cost
 * the CPU time of one task, and bounded memory.
 *
 * If a card's queue sends often, its frames are held back while the vCPU has work: until the vCPU
 * goes idle, HOLD_FRAMES frames wait, or HOLD_NS have passed. The reason: each frame may wake up a
 * peer process on the host, which takes a CPU from this machine for longer than the frame took.
 * With frames held back, the peer process gets many of them for one wake-up. A task that waits for
 * an answer leaves its vCPU idle soon, and frames of a task that sends now and then are never held
 * back.
 *
 * States of a card's queue: empty -> waiting (on a vCPU's list of senders) -> in send() (busy) ->
 * empty, or stopped until netdev_tx_wake(). States of its reception: interrupt on -> polling (the
 * interrupt's vCPU, a few rounds) -> interrupt on, or the thread polls.
 * Locks: a backlog belongs to its vCPU and has no lock: kernel code is not preempted, and no part
 * of a flush sleeps. spill.lock protects spill. netdev.h describes the other locks.
 */
#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/net.h"
#include "kernel/net/sched/qdisc.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/socket/sock_cgroup.h"
#include "kernel/net/link/vlan.h"
#include "kernel/sched/sched.h"

#define POLL_BUDGET 64 /* frames in a round */
#define BACKLOG_BYTES (64UL << 20)
/* largest backlog as a part of the memory, as 1/n */
#define BACKLOG_PART 8
/* part of a backlog's room for packets that are left to the thread, as 1/n */
#define SPILL_PART 4
#define FLUSH_MAX 16384U /* packets of a flush */
#define SPILL_MAX 4096U
#define SPILL_PIECE 128U
/* rounds in a row before a thread takes over */
#define POLL_ROUNDS 4

#define HOLD_NS 250000UL
#define HOLD_FRAMES 64U
/* a larger frame is sent to the host at once */
#define HOLD_LARGE 4096U
#define OFTEN_NS NSEC_PER_MSEC
#define OFTEN 16U /* frames in OFTEN_NS */

/* packets in a vCPU's backlog, at most; lo's largest windows fit */
u32 netdev_max_backlog = 16384;

static struct backlog {
	struct list_head queue;
	u32 len;
	u64 bytes; /* sum of skb_truesize() */
	/* limit of bytes, as of the last flush; 0: nothing was flushed yet */
	u64 room;
	struct list_head senders; /* of netdev_queue.link */
	bool running;
	/* the senders' frames are held back until the timer fires */
	bool held;
	bool held_enough; /* the hold is over */
	/*
	 * a listed queue that has enough frames, perhaps on another vCPU's list: this vCPU sends it
	 */
	struct netdev_queue *full;
	/* packets processed and dropped, and flushes that left packets: /proc/net/softnet_stat */
	u32 processed, dropped, squeezed;
	struct ktimer hold;
} backlogs[MAX_CPUS];

/*
 * Packets that flushes have left for a kernel thread, so that frames that circle between devices do
 * not occupy a vCPU. Protected by its lock.
 */
static struct {
	spinlock_t lock;
	struct list_head queue;
	u32 len;
	u64 bytes;
	struct work work;
} spill;

/*
 * Returns the limit of a vCPU's backlog, in bytes of true sizes. It bounds the memory of frames
 * that circle between devices.
 */
static u64 backlog_room(void)
{
	return min(BACKLOG_BYTES, nr_managed_frames() * (PAGE_SIZE / BACKLOG_PART));
}

/* ---- receiving ---- */

/*
 * Returns the counters for a received packet: those of its queue, or the device's if the packet
 * comes from another device, so that its queue is unknown.
 */
static struct netdev_stats *rx_stats(struct net_device *dev, const struct sk_buff *skb)
{
	u32 queue = skb->queue;

	return unlikely(dev->more) && queue > 1 && queue <= dev->nr_queues ?
		       dev->more[queue - 2].stats :
		       &dev->stats;
}

void netif_rx(struct net_device *dev, struct sk_buff *skb)
{
	struct backlog *b = &backlogs[smp_processor_id()];
	struct netdev_stats *stats;

	skb->dev = dev;
	/* The priority that the sender gave the packet does not apply to the receiver. */
	skb->prioidx = 0;
	if (unlikely(b->len >= READ_ONCE(netdev_max_backlog) ||
		     b->bytes >= (b->room ? b->room : BACKLOG_BYTES))) {
		dev->stats.rx_dropped++;
		b->dropped++;
		kfree_skb(skb);
		return;
	}
	stats = rx_stats(dev, skb);
	stats->rx_packets++;
	stats->rx_bytes += skb_len(skb);
	b->len++;
	b->bytes += skb_truesize(skb);
	list_add_tail(&skb->list, &b->queue);
}

void netif_loop(struct net_device *dev, struct sk_buff *skb)
{
	struct backlog *b = &backlogs[smp_processor_id()];

	skb->dev = dev;
	b->len++;
	b->bytes += skb_truesize(skb);
	list_add_tail(&skb->list, &b->queue);
}

static struct sk_buff *backlog_take(struct backlog *b)
{
	struct sk_buff *skb = list_first_entry_or_null(&b->queue, struct sk_buff, list);

	if (skb) {
		list_del_init(&skb->list);
		b->len--;
		b->bytes -= skb_truesize(skb);
	}
	return skb;
}

/*
 * Passes a received packet to taps, the device's master and the protocols. No lock is held.
 * Consumes @skb.
 */
static void deliver(struct sk_buff *skb)
{
	bool (*handler)(struct net_device * dev, struct sk_buff * skb) =
		READ_ONCE(skb->dev->rx_handler);

	if (unlikely(skb->protocol == ETH_P_8021Q) && !skb->vlan_proto && !vlan_untag(skb)) {
		skb->dev->stats.rx_dropped++;
		kfree_skb(skb);
		return;
	}
	if (skb->pkt_type == PKT_LOOPBACK)
		handler = NULL;
	else if (unlikely(READ_ONCE(packet_taps)))
		packet_tap_in(skb);
	if (unlikely(skb->vlan_proto) && vlan_rx(skb))
		return;
	if (unlikely(handler) && handler(skb->dev, skb))
		return;
	if (unlikely(skb->vlan_proto) && !vlan_rx_priority(skb))
		return;
	switch (skb->protocol) {
	case ETH_P_IP:
	case ETH_P_IPV6: ip_rcv(skb); break;
	case ETH_P_ARP: arp_rcv(skb); break;
	default: skb->dev->stats.rx_dropped++; kfree_skb(skb);
	}
}

/* Processes at most @most packets. Returns their number. */
static u32 process_backlog(struct backlog *b, u32 most)
{
	struct sk_buff *skb;
	u32 n = 0;

	for (; n < most && (skb = backlog_take(b)); n++)
		deliver(skb);
	b->processed += n;
	return n;
}

static void flush_tx(struct netdev_queue *q);

/*
 * Returns the largest number of frames that may be held back: frames that do not fit into the queue
 * would be dropped.
 */
static u32 hold_most(const struct net_device *dev)
{
	return min(HOLD_FRAMES, READ_ONCE(dev->txqlen));
}

/* True if the frames of @q may wait for more frames. */
static bool may_hold(struct netdev_queue *q, u64 now)
{
	u64 since = now - q->period, sent = q->stats->tx_packets;

	if (since >= OFTEN_NS) {
		q->often = since < 2 * OFTEN_NS && sent - q->counted >= OFTEN;
		q->period = now;
		q->counted = sent;
	}
	return q->often && !READ_ONCE(q->large) && READ_ONCE(q->txq_len) < hold_most(q->dev);
}

/*
 * Starts holding back the frames of all senders, if all of them allow it. Returns true if they are
 * held back.
 */
static bool hold(struct backlog *b)
{
	struct netdev_queue *q;
	u64 now;

	if (b->held_enough || list_empty(&b->senders))
		return false;
	now = ktime_get();
	list_for_each_entry(q, &b->senders, link)
		if (!may_hold(q, now))
			return false;
	if (!b->held)
		timer_start(&b->hold, now + HOLD_NS);
	b->held = true;
	return true;
}

static void process_senders(struct backlog *b)
{
	struct netdev_queue *full = b->full;

	b->full = NULL;
	if (unlikely(full))
		flush_tx(full);
	if (hold(b))
		return;
	if (b->held)
		timer_cancel(&b->hold);
	b->held = b->held_enough = false;
	while (!list_empty(&b->senders)) {
		struct netdev_queue *q = list_first_entry(&b->senders, struct netdev_queue, link);

		list_del_init(&q->link);
		xchg(&q->listed, 0);
		flush_tx(q);
	}
}

/* Leaves the rest of a long flush to a kernel thread, so that other tasks may run meanwhile. */
static void spill_over(struct backlog *b)
{
	struct sk_buff *skb;

	while ((skb = backlog_take(b))) {
		bool taken = false;

		spin_lock(&spill.lock);
		if (spill.len < SPILL_MAX && spill.bytes < b->room / SPILL_PART &&
			READ_ONCE(skb->dev->flags) & IFF_UP) {
			list_add_tail(&skb->list, &spill.queue);
			spill.len++;
			spill.bytes += skb_truesize(skb);
			taken = true;
		}
		spin_unlock(&spill.lock);
		if (!taken)
			kfree_skb(skb);
	}
	work_queue(&spill.work);
}

static void flush(struct backlog *b, u32 most)
{
	u32 n = 0;

	if (b->running)
		return;
	b->running = true;
	b->room = backlog_room();
	do {
		n += process_backlog(b, most - n);
		process_senders(b);
	} while (!list_empty(&b->queue) && n < most);
	b->running = false;
	if (unlikely(!list_empty(&b->queue))) {
		b->squeezed++;
		spill_over(b);
	}
}

void net_io_counts(u32 cpu, struct net_io_counts *c)
{
	const struct backlog *b = &backlogs[cpu];

	*c = (struct net_io_counts){ READ_ONCE(b->processed), READ_ONCE(b->dropped),
		READ_ONCE(b->squeezed), READ_ONCE(b->len) };
}

void net_rx_flush(void)
{
	flush(&backlogs[smp_processor_id()], FLUSH_MAX);
}

/* Sends the frames that are held back. */
static void send_held(struct backlog *b)
{
	if (!b->held)
		return;
	b->held_enough = true;
	net_rx_flush();
}

static void hold_over(struct ktimer *t)
{
	send_held(container_of(t, struct backlog, hold));
}

static void before_idle(void)
{
	send_held(&backlogs[smp_processor_id()]);
}

/* Processes a batch of the packets that flushes have left; reschedules its work for the rest. */
static void spill_continue(struct work *w)
{
	struct backlog *b = &backlogs[smp_processor_id()];
	struct sk_buff *skb;
	bool more;

	spin_lock(&spill.lock);
	for (u32 i = 0; i < SPILL_PIECE && spill.len; i++) {
		skb = list_first_entry(&spill.queue, struct sk_buff, list);
		list_move_tail(&skb->list, &b->queue);
		spill.len--;
		spill.bytes -= skb_truesize(skb);
		b->len++;
		b->bytes += skb_truesize(skb);
	}
	more = spill.len;
	spin_unlock(&spill.lock);
	flush(b, 2 * SPILL_PIECE);
	if (more)
		work_queue(&spill.work);
	/* A worker that always finds work reschedules only at this point. */
	cond_resched();
}

void netdev_spill_forget(const struct net *net)
{
	struct sk_buff *skb, *next;
	LIST_HEAD(dead);

	spin_lock(&spill.lock);
	list_for_each_entry_safe(skb, next, &spill.queue, list) {
		if (skb->dev->net != net)
			continue;
		list_move_tail(&skb->list, &dead);
		spill.len--;
		spill.bytes -= skb_truesize(skb);
	}
	spin_unlock(&spill.lock);
	skb_free_list(&dead);
}

/*
 * The values of q->polling. The card raises its interrupt once, and arms it again when poll() finds
 * no more packets. An interrupt that comes before the poller has stopped must not be lost, so it
 * sets POLL_AGAIN.
 */
enum { POLL_IDLE, POLLING, POLL_AGAIN };

/* Polls one budget of packets and processes them. Returns true if there may be more. */
static bool poll_once(struct netdev_queue *q)
{
	u32 n;

	WRITE_ONCE(q->in_poll, true);
	xchg(&q->polling, POLLING);
	n = q->dev->ops->poll(q, POLL_BUDGET);
	net_rx_flush();
	smp_store_release(&q->in_poll, false);
	return n == POLL_BUDGET || cmpxchg(&q->polling, POLLING, POLL_IDLE) != POLLING;
}

static void poll_thread(struct work *w)
{
	struct netdev_queue *q = container_of(w, struct netdev_queue, poll_work);

	while (poll_once(q))
		cond_resched();
}

void netdev_poll(struct netdev_queue *q)
{
	if (xchg(&q->polling, POLL_AGAIN) != POLL_IDLE)
		return;
	for (int i = 0; i < POLL_ROUNDS; i++)
		if (!poll_once(q))
			return;
	work_queue(&q->poll_work);
}

bool netdev_polling(const struct netdev_queue *q)
{
	/* orders the caller's earlier write, which disables poll(), before this read */
	smp_mb();
	return smp_load_acquire(&q->in_poll);
}

void netdev_queue_init(struct netdev_queue *q, struct net_device *dev, u32 index)
{
	memset(q, 0, sizeof(*q));
	q->dev = dev;
	q->index = index;
	q->stats = index ? &q->own : &dev->stats;
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->txq);
	INIT_LIST_HEAD(&q->link);
	work_setup(&q->poll_work, poll_thread);
}

/* ---- sending ---- */

/*
 * Sends the queue's frames. Only one vCPU is in send(); another one leaves its frames to that vCPU.
 */
static void flush_tx(struct netdev_queue *q)
{
	struct net_device *dev = q->dev;
	LIST_HEAD(batch);

	spin_lock(&q->lock);
	while (!q->busy && !q->stopped && !list_empty(&q->txq) && !READ_ONCE(dev->tx_frozen)) {
		u32 sent;

		q->busy = true;
		q->woken = false;
		q->large = false;
		list_splice_tail_init(&q->txq, &batch);
		spin_unlock(&q->lock);
		sent = dev->ops->send(q, &batch);
		spin_lock(&q->lock);
		q->txq_len -= sent;
		if (!list_empty(&batch)) {
			WRITE_ONCE(q->stopped, !q->woken);
			list_splice_tail_init(&q->txq, &batch);
			list_splice_tail_init(&batch, &q->txq);
		}
		/* the last write: cards read busy without the lock */
		smp_store_release(&q->busy, false);
	}
	spin_unlock(&q->lock);
	if (unlikely(READ_ONCE(dev->qdisc)))
		qdisc_more(dev);
}

void netdev_tx_wake(struct netdev_queue *q)
{
	spin_lock(&q->lock);
	q->stopped = false;
	q->woken = true;
	spin_unlock(&q->lock);
	flush_tx(q);
	if (unlikely(READ_ONCE(q->dev->qdisc)))
		net_rx_flush();
}

static void purge(struct netdev_queue *q)
{
	struct sk_buff *skb;
	LIST_HEAD(batch);

	spin_lock(&q->lock);
	list_for_each_entry(skb, &q->txq, list)
		/* the sending vCPU counts down the packets that are in send() */
		q->txq_len--;
	list_splice_tail_init(&q->txq, &batch);
	q->stopped = false;
	spin_unlock(&q->lock);
	skb_free_list(&batch);
}

void netdev_purge_tx(struct net_device *dev)
{
	for (u32 i = 0; i < dev->nr_queues; i++)
		purge(netdev_queue(dev, i));
}

void netdev_forget_senders(const struct net_device *dev)
{
	for (int i = 0; i < MAX_CPUS; i++) {
		struct netdev_queue *q = READ_ONCE(backlogs[i].full);

		/*
		 * Fails if that vCPU has taken @q meanwhile: it is done with @q after a grace
		 * period.
		 */
		if (q && q->dev == dev)
			cmpxchg(&backlogs[i].full, q, NULL);
	}
}

/* Returns the queue out of @n that sends @skb. */
static struct netdev_queue *queue_of(struct net_device *dev, struct sk_buff *skb, u32 n)
{
	if (!skb->flow)
		skb->flow = flow_of_frame(dev, skb);
	skb->queue = (u16)flow_share(skb->flow, n);
	return netdev_queue(dev, skb->queue);
}

/* Chooses the queue and locks it, so that the choice holds until @skb is in it. */
static struct netdev_queue *lock_queue(struct net_device *dev, struct sk_buff *skb)
{
	for (;;) {
		u32 n = READ_ONCE(dev->real_tx);
		struct netdev_queue *q = likely(n == 1) ? &dev->first : queue_of(dev, skb, n);

		spin_lock(&q->lock);
		if (likely(n == dev->real_tx))
			return q;
		spin_unlock(&q->lock);
	}
}

/*
 * Appends a packet to a queue of the card, which the next net_rx_flush() sends. Consumes @skb.
 * Returns 0, or -ENOBUFS if the queue is full.
 */
static int queue_tx(struct net_device *dev, struct sk_buff *skb)
{
	struct backlog *b = &backlogs[smp_processor_id()];
	struct netdev_queue *q = lock_queue(dev, skb);
	bool full = q->txq_len >= dev->txqlen, enough;

	skb->dev = dev;
	if (!full) {
		q->large |= skb_len(skb) > HOLD_LARGE;
		list_add_tail(&skb->list, &q->txq);
		q->txq_len++;
	}
	enough = q->large || q->txq_len >= hold_most(dev);
	spin_unlock(&q->lock);
	if (full) {
		q->stats->tx_dropped++;
		kfree_skb(skb);
		return -ENOBUFS;
	}
	if (!xchg(&q->listed, 1))
		list_add_tail(&q->link, &b->senders);
	else if (enough)
		b->full = q;
	return 0;
}

/* Reports the timestamps of queueing and transmission that the sender of a packet has requested. */
static void stamp(const struct net_device *dev, struct sk_buff *skb)
{
	if (skb->stamp_wanted & SKB_STAMP_SCHED)
		errq_sent(dev, skb, SCM_TSTAMP_SCHED);
	if (skb->stamp_wanted & SKB_STAMP_SENT)
		errq_sent(dev, skb, SCM_TSTAMP_SND);
	skb->stamp_for = NULL;
}

/* Segments a packet, or fills in its checksum, and sends it by a device that can do neither. */
static int xmit_cut(struct net_device *dev, struct sk_buff *skb)
{
	LIST_HEAD(cut);
	int err = gso_cut(skb, dev->type == ARPHRD_ETHER ? ETH_HLEN : 0, &cut);
	bool some = false;

	while (!list_empty(&cut)) {
		struct sk_buff *s = list_first_entry(&cut, struct sk_buff, list);
		int e;

		list_del_init(&s->list);
		e = netdev_xmit_now(dev, s);
		some |= !e;
		err = err ? err : e;
	}
	return gso_sent(err, some);
}

/*
 * True if the packet must be cut in software: a card cuts only packets whose headers are as this
 * kernel's TCP writes them.
 */
static bool to_be_cut(const struct net_device *dev, const struct sk_buff *skb)
{
	return unlikely(skb->gso || skb->csum_owed) && (dev->ops->send || dev->ops->cuts_nothing) &&
	       !(dev->csum_out && skb->csum_head);
}

static struct netdev_stats *tx_stats(struct net_device *dev, struct sk_buff *skb)
{
	u32 n = READ_ONCE(dev->real_tx);

	skb->queue = 0;
	return likely(n == 1) || !dev->ops->send ? &dev->stats : queue_of(dev, skb, n)->stats;
}

int netdev_xmit_now(struct net_device *dev, struct sk_buff *skb)
{
	struct netdev_stats *stats;

	if (!(READ_ONCE(dev->flags) & IFF_UP)) {
		kfree_skb(skb);
		return -ENETDOWN;
	}
	if (!dev->carrier) { /* no link: dropped without an error */
		dev->stats.tx_dropped++;
		kfree_skb(skb);
		return 0;
	}
	if (to_be_cut(dev, skb))
		return xmit_cut(dev, skb);
	stats = tx_stats(dev, skb);
	stats->tx_packets++;
	stats->tx_bytes += skb_len(skb);
	if (unlikely(skb->stamp_for))
		stamp(dev, skb);
	if (unlikely(skb->vlan_proto) && !dev->ops->takes_tags && !vlan_insert(skb)) {
		dev->stats.tx_dropped++;
		kfree_skb(skb);
		return -ENOBUFS;
	}
	if (unlikely(READ_ONCE(packet_taps)))
		packet_tap_out(dev, skb);
	return dev->ops->send ? queue_tx(dev, skb) : dev->ops->xmit(dev, skb);
}

int dev_xmit(struct net_device *dev, struct sk_buff *skb)
{
	if (unlikely(READ_ONCE(dev->prio_map)))
		sock_cgroup_priority(dev, skb);
	if (likely(!READ_ONCE(dev->qdisc)))
		return netdev_xmit_now(dev, skb);
	/* done before the packet is queued: the socket may be freed when the frame is sent */
	if (unlikely(skb->stamp_for))
		stamp(dev, skb);
	return qdisc_xmit(dev, skb);
}

static const struct sched_idle_ops idle_ops = { .before_idle = before_idle };

void netdev_io_init(void)
{
	for (int i = 0; i < MAX_CPUS; i++) {
		INIT_LIST_HEAD(&backlogs[i].queue);
		INIT_LIST_HEAD(&backlogs[i].senders);
		timer_setup(&backlogs[i].hold, hold_over);
	}
	sched_idle_ops = &idle_ops;
	spin_lock_init(&spill.lock);
	INIT_LIST_HEAD(&spill.queue);
	work_setup(&spill.work, spill_continue);
}
