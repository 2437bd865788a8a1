/* SPDX-License-Identifier: MIT */
/*
 * impair.c: a lossy lo for tests: it drops, duplicates, delays or reorders packets, as set in
 * /proc/sys/net/nestling (by root of the first network namespace):
 *
 *	loss, duplicate			percent of the packets that are dropped, or sent twice
 *	reorder				percent of the packets that are not delayed, and so overtake
 *	                                others
 *	mark				percent of the packets of senders with ECN that are marked
 *	                                as having met congestion (CE)
 *	delay_us			delay of each packet, in microseconds
 *
 * With all of them at 0 (as at boot) the cost is one test for each packet. Lock: late_lock (spin)
 * protects the list of delayed packets.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/sysctl.h"
#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"

#define LATE_MAX 4096 /* delayed packets; more are dropped */

static int loss, duplicate, reorder, mark, delay_us;
int lo_impaired; /* true if any of them is set */

static DEFINE_SPINLOCK(late_lock);
/* delayed packets, by skb->stamp, which is their time of arrival, ns */
static LIST_HEAD(late);
static u32 nr_late;
static struct ktimer late_timer;

static bool chance(int percent)
{
	u32 r;

	if (!percent)
		return false;
	arch_random(&r, sizeof(r));
	return (int)(r % 100) < percent;
}

static void arrive(struct sk_buff *skb)
{
	skb->stamp = 0;
	netif_rx(skb->dev, skb);
}

static void late_run(struct ktimer *t)
{
	struct sk_buff *skb, *next;
	LIST_HEAD(due);

	spin_lock(&late_lock);
	list_for_each_entry_safe(skb, next, &late, list) {
		if (skb->stamp > ktime_get())
			break;
		list_move_tail(&skb->list, &due);
		nr_late--;
	}
	if (!list_empty(&late))
		timer_start(&late_timer, list_first_entry(&late, struct sk_buff, list)->stamp);
	spin_unlock(&late_lock);
	list_for_each_entry_safe(skb, next, &due, list) {
		list_del_init(&skb->list);
		arrive(skb);
	}
	net_rx_flush();
}

static void send_late(struct sk_buff *skb)
{
	bool full;

	skb->stamp = ktime_get() + (u64)delay_us * 1000;
	spin_lock(&late_lock);
	full = nr_late >= LATE_MAX;
	if (!full) {
		/*
		 * All packets have the same delay, so the list stays sorted, except when delay_us
		 * was lowered: a packet may then wait for an earlier one.
		 */
		list_add_tail(&skb->list, &late);
		nr_late++;
		if (!timer_armed(&late_timer))
			timer_start(&late_timer, skb->stamp);
	}
	spin_unlock(&late_lock);
	if (full)
		kfree_skb(skb);
}

static void carry(struct sk_buff *skb)
{
	if (delay_us && !chance(reorder))
		send_late(skb);
	else
		arrive(skb);
}

/*
 * Marks a packet with CE if its sender supports ECN; the checksum of an IPv4 header is updated (RFC
 * 1624).
 */
static void set_ce(struct sk_buff *skb)
{
	u8 *h = skb->room + skb->head;
	u32 sum;

	if (skb_headlen(skb) < 20)
		return;
	if (h[0] >> 4 == 6) {
		if (h[1] & 0x30)
			h[1] |= 0x30;
		return;
	}
	if (!(h[1] & 3) || (h[1] & 3) == 3)
		return;
	sum = (u32)(h[10] << 8 | h[11]);
	sum += (h[1] & 3) == 2 ? 0xfffe : 0xfffd; /* the word grows by one, or two */
	sum = (sum & 0xffff) + (sum >> 16);
	h[10] = (u8)(sum >> 8);
	h[11] = (u8)sum;
	h[1] |= 3;
}

void lo_impair(struct net_device *dev, struct sk_buff *skb)
{
	struct sk_buff *twin = chance(duplicate) ? skb_clone(skb, GFP_ATOMIC) : NULL;

	skb->dev = dev;
	if (chance(mark))
		set_ce(skb);
	if (twin) {
		twin->dev = dev;
		carry(twin);
	}
	if (chance(loss))
		kfree_skb(skb);
	else
		carry(skb);
}

static void changed(void)
{
	WRITE_ONCE(lo_impaired, loss || duplicate || reorder || mark || delay_us);
}

#define KNOB(n, v, most)                                                                           \
	{                                                                                          \
		.path = "net/nestling/" n, .kind = SYSCTL_INT, .mode = 0644, .data = &(v),         \
		.min = 0, .max = most, .changed = changed                                          \
	}
static const struct sysctl knobs[] = {
	KNOB("loss", loss, 100),
	KNOB("duplicate", duplicate, 100),
	KNOB("reorder", reorder, 100),
	KNOB("mark", mark, 100),
	KNOB("delay_us", delay_us, 1000000),
};

static int impair_init(void)
{
	timer_setup(&late_timer, late_run);
	return sysctl_register(knobs, ARRAY_SIZE(knobs));
}
INITCALL(3, impair_init);
