/* SPDX-License-Identifier: MIT */
/*
 * tun_queue.c: the files of a device of /dev/net/tun, which are its queues (IFF_MULTI_QUEUE), and
 * the choice of a queue for a packet.
 *
 * A program's write to a queue assigns the flow of that packet to the queue: the queue gets the
 * packets of the flow that the device sends, until FLOW_AGE after the program's last write of a
 * packet of this flow. Other flows are spread over the queues by their hash, so that a flow keeps
 * its queue as long as the number of queues does not change.
 *
 * An entry of the table of flows is a word: hash (32 bits), time (16), queue (16). A flow replaces
 * an earlier one with the same index. The table is a hint, read and written without a lock.
 *
 * Locks: link.c's mutex; the packet path reads files, nr and flows without it.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/link/tun.h"

#define FLOW_TICK 28 /* 2^28 ns, 0.27 s */
#define FLOW_AGE 12  /* ticks: 3.2 s */

int tun_queues_setup(struct tun *t)
{
	bool many = t->flags & IFF_MULTI_QUEUE;

	INIT_LIST_HEAD(&t->disabled);
	t->files = kcalloc(
		many ? TUN_QUEUES : 1, sizeof(struct tun_file *), GFP_KERNEL | __GFP_ACCOUNT);
	t->flows = many ? kcalloc(TUN_FLOWS, sizeof(u64), GFP_KERNEL | __GFP_ACCOUNT) : NULL;
	if (t->files && (t->flows || !many))
		return 0;
	tun_queues_free(t);
	return -ENOMEM;
}

void tun_queues_free(struct tun *t)
{
	kfree(t->files);
	kfree(t->flows);
}

/* ---- flows ---- */

static u32 now(void)
{
	return (u32)(ktime_get() >> FLOW_TICK) & 0xffff;
}

static u64 *flow_at(const struct tun *t, u32 hash)
{
	return &t->flows[hash % TUN_FLOWS];
}

void tun_learn(struct tun *t, const struct tun_file *tf, const struct sk_buff *skb)
{
	u32 hash = flow_of_frame(t->dev, skb);
	u64 word = (u64)hash << 32 | now() << 16 | READ_ONCE(tf->index);

	if (READ_ONCE(*flow_at(t, hash)) != word)
		WRITE_ONCE(*flow_at(t, hash), word);
}

struct tun_file *tun_queue_of(struct tun *t, const struct sk_buff *skb)
{
	u32 nr = READ_ONCE(t->nr), hash, queue;
	u64 word;

	if (nr <= 1)
		return READ_ONCE(t->files[0]);
	hash = skb->flow ? skb->flow : flow_of_frame(t->dev, skb);
	word = READ_ONCE(*flow_at(t, hash));
	queue = (u32)word & 0xffff;
	if (word >> 32 != hash || ((now() - (u32)(word >> 16)) & 0xffff) > FLOW_AGE || queue >= nr)
		queue = flow_share(hash, nr);
	return READ_ONCE(t->files[queue]);
}

/* Updates the flows after the removal of queue @from, whose number the queue @last gets. */
static void renumber(struct tun *t, u32 from, u32 last)
{
	for (u32 i = 0; t->flows && i < TUN_FLOWS; i++) {
		u64 word = READ_ONCE(t->flows[i]);
		u32 queue = (u32)word & 0xffff;

		if (word && queue == from)
			WRITE_ONCE(t->flows[i], 0);
		else if (word && queue == last)
			WRITE_ONCE(t->flows[i], (word & ~0xffffUL) | from);
	}
}

/* ---- files ---- */

/*
 * Sets the device and state of a queue. Takes tf->lock, since a sender checks under that lock that
 * the queue still belongs to the device and is enabled.
 */
static void belongs_to(struct tun_file *tf, struct tun *t, bool disabled)
{
	spin_lock(&tf->lock);
	WRITE_ONCE(tf->tun, t);
	tf->disabled = disabled;
	spin_unlock(&tf->lock);
}

int tun_enter(struct tun *t, struct tun_file *tf)
{
	bool many = t->flags & IFF_MULTI_QUEUE;

	if (!many && t->nr)
		return -EBUSY;
	if (!tf->disabled && t->nr + t->nr_disabled == TUN_QUEUES)
		return -E2BIG;
	if (tf->disabled) {
		list_del(&tf->link);
		t->nr_disabled--;
	}
	tf->vnet_len = t->vnet_len;
	WRITE_ONCE(tf->index, t->nr);
	belongs_to(tf, t, false);
	WRITE_ONCE(t->files[t->nr], tf);
	WRITE_ONCE(t->nr, t->nr + 1);
	netdev_notify_queues(t->dev, t->nr, t->nr);
	return 0;
}

/*
 * Removes the file from the device's queues. A sender that had found it before is refused by
 * enqueue().
 */
static void take_out(struct tun *t, struct tun_file *tf)
{
	u32 index = tf->index, last = t->nr - 1;
	struct tun_file *other = t->files[last];

	WRITE_ONCE(t->nr, last);
	WRITE_ONCE(t->files[index], other);
	WRITE_ONCE(other->index, index);
	WRITE_ONCE(t->files[last], NULL);
	renumber(t, index, last);
	netdev_notify_queues(t->dev, last, last);
}

void tun_leave(struct tun_file *tf)
{
	struct tun *t = tf->tun;

	if (tf->disabled) {
		list_del(&tf->link);
		t->nr_disabled--;
	} else {
		take_out(t, tf);
	}
	belongs_to(tf, NULL, false);
	tun_purge(tf);
	wake_up_all(&tf->wait);
}

static void disable(struct tun *t, struct tun_file *tf)
{
	take_out(t, tf);
	belongs_to(tf, t, true);
	list_add_tail(&tf->link, &t->disabled);
	t->nr_disabled++;
	tun_purge(tf);
}

int tun_set_queue(struct tun_file *tf, u32 flags)
{
	struct tun *t = tf->tun;
	int err = 0;

	if (!t || !(t->flags & IFF_MULTI_QUEUE))
		return -EINVAL;
	if (flags & IFF_ATTACH_QUEUE) {
		err = tf->disabled ? tun_enter(t, tf) : -EINVAL;
	} else if (flags & IFF_DETACH_QUEUE) {
		if (tf->disabled)
			return -EINVAL;
		disable(t, tf);
	} else {
		return -EINVAL;
	}
	if (!err)
		rtnl_notify_link(t->dev, RTM_NEWLINK, 0);
	return err;
}
