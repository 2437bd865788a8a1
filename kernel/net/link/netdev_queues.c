/* SPDX-License-Identifier: MIT */
/*
 * netdev_queues.c: the number of queues that a device has and uses, and the sums of their
 * statistics.
 *
 * The number of a card's queues changes (ethtool -L) without losing a frame and without reordering
 * the frames of a flow:
 *
 *	frozen     no vCPU enters send(); calls of send() under way are waited for
 *	all locks  are taken: the number changes, and the waiting frames move to the queues that
 *	           their flows have now, in order within each flow
 *	thawed     every queue sends
 *
 * A sender reads the number under the lock of the queue that it adds to (lock_queue()): so it adds
 * its frame before the change, or to the queue of the new number.
 *
 * Locks: link.c's mutex for changes; the queues' locks, the first queue's before the others.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/net.h"
#include "kernel/net/netname.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/sched.h"

void netdev_queues_setup(struct net_device *dev, struct netdev_queue *more, u32 n)
{
	dev->more = more;
	dev->nr_queues = dev->num_tx = dev->num_rx = dev->real_tx = dev->real_rx = n;
	for (u32 i = 1; i < n; i++)
		netdev_queue_init(&more[i - 1], dev, i);
}

/* True if no queue of the device is in send(), or on a vCPU's list of senders. */
static bool is_quiet(struct net_device *dev)
{
	for (u32 i = 0; i < dev->nr_queues; i++) {
		const struct netdev_queue *q = netdev_queue(dev, i);

		if (READ_ONCE(q->busy) || READ_ONCE(q->listed))
			return false;
	}
	return true;
}

void netdev_quiesce(struct net_device *dev)
{
	/* After this every sender to a queue has seen that the device is down. */
	synchronize_rcu();
	while (!is_quiet(dev)) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_deadline(ktime_get() + NSEC_PER_MSEC);
	}
	netdev_purge_tx(dev);
	netdev_forget_senders(dev);
	/* After this every vCPU that had taken a queue from its list has finished with it. */
	synchronize_rcu();
}

u32 netdev_tx_waiting(struct net_device *dev)
{
	u32 most = READ_ONCE(dev->first.txq_len);

	for (u32 i = 1; i < dev->nr_queues; i++)
		most = max(most, READ_ONCE(dev->more[i - 1].txq_len));
	return most;
}

/* Waits until no vCPU is in send(), which takes as long as a host call. */
static void wait_for_senders(struct net_device *dev)
{
	for (u32 i = 0; i < dev->nr_queues; i++) {
		struct netdev_queue *q = netdev_queue(dev, i);

		spin_lock(&q->lock);
		while (q->busy) {
			spin_unlock(&q->lock);
			set_current_state(TASK_UNINTERRUPTIBLE);
			schedule_deadline(ktime_get() + NSEC_PER_MSEC / 10);
			spin_lock(&q->lock);
		}
		spin_unlock(&q->lock);
	}
}

/* Locks all queues. Lockdep tracks one lock of a class: the first queue's represents all. */
static void lock_all(struct net_device *dev)
{
	spin_lock(&dev->first.lock);
	for (u32 i = 1; i < dev->nr_queues; i++)
		spin_lock_raw(&dev->more[i - 1].lock);
}

static void unlock_all(struct net_device *dev)
{
	for (u32 i = dev->nr_queues - 1; i; i--)
		spin_unlock_raw(&dev->more[i - 1].lock);
	spin_unlock(&dev->first.lock);
}

/*
 * Distributes waiting frames over the queues. The frames of a flow wait in one queue, so they stay
 * in order.
 */
static void share_out(struct net_device *dev, struct list_head *frames, u32 n)
{
	while (!list_empty(frames)) {
		struct sk_buff *skb = list_first_entry(frames, struct sk_buff, list);
		struct netdev_queue *q;

		if (!skb->flow)
			skb->flow = flow_of_frame(dev, skb);
		skb->queue = (u16)flow_share(skb->flow, n);
		q = netdev_queue(dev, skb->queue);
		list_move_tail(&skb->list, &q->txq);
		q->txq_len++;
	}
}

void netdev_resize_tx(struct net_device *dev, u32 n)
{
	LIST_HEAD(frames);

	WRITE_ONCE(dev->tx_frozen, true);
	wait_for_senders(dev);
	lock_all(dev);
	for (u32 i = 0; i < dev->nr_queues; i++) {
		struct netdev_queue *q = netdev_queue(dev, i);

		list_splice_tail_init(&q->txq, &frames);
		q->txq_len = 0;
	}
	share_out(dev, &frames, n);
	WRITE_ONCE(dev->real_tx, n);
	WRITE_ONCE(dev->tx_frozen, false);
	unlock_all(dev);
	for (u32 i = 0; i < dev->nr_queues; i++)
		netdev_tx_wake(netdev_queue(dev, i));
}

void netdev_notify_queues(struct net_device *dev, u32 rx, u32 tx)
{
	u32 had_rx = dev->real_rx;
	/*
	 * A card's real_tx was changed before, by netdev_resize_tx(); until then it was equal to
	 * real_rx.
	 */
	u32 had_tx = dev->ops->send ? had_rx : dev->real_tx;

	if (rx)
		WRITE_ONCE(dev->real_rx, rx);
	if (tx)
		WRITE_ONCE(dev->real_tx, tx);
	if (list_empty(&dev->list))
		return;
	netname_queues(dev->name, dev->real_rx, dev->real_tx);
	netdev_queue_uevents(dev, true, had_tx, dev->real_tx);
	netdev_queue_uevents(dev, false, had_rx, dev->real_rx);
}

void netdev_sum(const struct net_device *dev, struct netdev_stats *s)
{
	*s = dev->stats;
	for (u32 i = 1; i < dev->nr_queues; i++) {
		const struct netdev_stats *own = &dev->more[i - 1].own;

		s->rx_packets += own->rx_packets;
		s->rx_bytes += own->rx_bytes;
		s->tx_packets += own->tx_packets;
		s->tx_bytes += own->tx_bytes;
		s->tx_dropped += own->tx_dropped;
	}
}
