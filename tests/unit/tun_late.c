/* SPDX-License-Identifier: MIT */
/*
 * tun_late.c: a frame that found its queue of /dev/net/tun before the queue was disabled or
 * detached is not queued afterwards, since the next reader may be another device's program.
 *
 * SOURCES: kernel/net/link/tun_io.c kernel/net/link/tun_queue.c
 */
#include <asm/errno.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/link/tun.h"
#include "unit.h"

/* ---- fakes ---- */

/* No frame needs segmentation (GSO). */
bool gso_about(const struct sk_buff *skb, u32 l2, struct gso_about *a)
{
	return false;
}

/* the queue that is disabled (@disabled), or else detached, in skb_orphan() */
static struct tun_file *leaves;
static bool disabled;

void skb_orphan(struct sk_buff *skb)
{
	struct tun_file *tf = leaves;

	leaves = NULL;
	if (tf && disabled)
		assert_int_equal(tun_set_queue(tf, IFF_DETACH_QUEUE), 0);
	else if (tf)
		tun_leave(tf);
}
u64 ktime_get(void)
{
	return 1;
}
void synchronize_rcu(void)
{
}
void kfree_skb(struct sk_buff *skb)
{
	kfree(skb);
}
u32 flow_of_frame(const struct net_device *dev, const struct sk_buff *skb)
{
	return 1;
}
void netdev_notify_queues(struct net_device *dev, u32 rx, u32 tx)
{
}
void rtnl_notify_link(struct net_device *dev, u16 type, u32 change)
{
}
void net_rx_flush(void)
{
}
void fasync_list_init(struct fasync_list *l)
{
	l->nr = 0;
}
void kill_fasync_list(struct fasync_list *l, int band)
{
}
void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kzalloc(n * size, gfp);
}

/* the test reads and writes no frame by the file */
size_t copy_to_iter(const void *src, size_t n, struct iov_iter *it)
{
	return 0;
}
size_t copy_from_iter(void *dst, size_t n, struct iov_iter *it)
{
	return 0;
}
size_t iov_iter_zero(size_t n, struct iov_iter *it)
{
	return 0;
}
void iov_iter_advance(struct iov_iter *it, size_t n)
{
}
int skb_copy_to_iter(const struct sk_buff *skb, u32 from, u32 n, struct iov_iter *to)
{
	return -EFAULT;
}
struct sk_buff *skb_from_iter(struct iov_iter *from, size_t len)
{
	return ERR_PTR(-ENOMEM);
}
void prepare_to_wait_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state)
{
}
void eth_rx(struct net_device *dev, struct sk_buff *skb)
{
	kfree_skb(skb);
}
void netif_rx(struct net_device *dev, struct sk_buff *skb)
{
	kfree_skb(skb);
}

/* ---- tests ---- */

static void send_one(struct net_device *dev)
{
	struct sk_buff *skb = kzalloc(sizeof(*skb), GFP_KERNEL);

	INIT_LIST_HEAD(&skb->list);
	assert_int_equal(tun_xmit(dev, skb), 0);
}

static void file_setup(struct tun_file *tf)
{
	*tf = (struct tun_file){ 0 };
	init_waitqueue_head(&tf->wait);
	fasync_list_init(&tf->async);
	INIT_LIST_HEAD(&tf->queue);
	spin_lock_init(&tf->lock);
}

static void test_late(void **state)
{
	for (int way = 0; way < 2; way++) {
		struct net_device dev = { .txqlen = 5 }, other = { .txqlen = 5 };
		struct tun t = { .dev = &dev, .flags = IFF_TUN | IFF_MULTI_QUEUE };
		struct tun t2 = { .dev = &other, .flags = IFF_TUN | IFF_MULTI_QUEUE };
		struct tun_file f;

		dev.private = &t;
		other.private = &t2;
		file_setup(&f);
		assert_int_equal(tun_queues_setup(&t), 0);
		assert_int_equal(tun_queues_setup(&t2), 0);
		assert_int_equal(tun_enter(&t, &f), 0);
		send_one(&dev);
		assert_int_equal(f.queued, 1);
		leaves = &f;
		disabled = way;
		send_one(&dev);
		assert_int_equal(f.queued, 0);
		assert_int_equal(dev.stats.tx_dropped, 1);
		if (disabled)
			assert_int_equal(tun_set_queue(&f, IFF_ATTACH_QUEUE), 0);
		else
			assert_int_equal(tun_enter(&t2, &f), 0);
		assert_int_equal(f.queued, 0);
		send_one(disabled ? &dev : &other);
		assert_int_equal(f.queued, 1);
		tun_leave(&f);
		assert_int_equal(f.queued, 0);
		tun_queues_free(&t);
		tun_queues_free(&t2);
		assert_int_equal(fake_allocations, 0);
	}
}

UNIT_MAIN(cmocka_unit_test(test_late))
