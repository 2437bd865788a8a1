/* SPDX-License-Identifier: MIT */
/*
 * netdev_io.c: a card's queue whose frames are dropped: the queue's length is always the number of
 * frames that wait or are in send(), whichever thread removes them. So the queue has room again.
 * SOURCES: kernel/net/link/netdev_io.c kernel/net/link/netdev_queues.c
 */
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/socket/sock_cgroup.h"
#include "kernel/net/link/vlan.h"
#include "kernel/sched/sched.h"
#include "unit.h"

/* ---- fakes ---- */

const struct sched_idle_ops *sched_idle_ops;
u32 packet_taps;

u64 nr_managed_frames(void)
{
	return 1U << 18;
}

static u64 now = 1;

u64 ktime_get(void)
{
	return now;
}
void timer_setup(struct ktimer *t, void (*func)(struct ktimer *t))
{
}
void timer_start(struct ktimer *t, u64 expires)
{
}
bool timer_cancel(struct ktimer *t)
{
	return false;
}
static struct work *queued;

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
}
bool work_queue(struct work *w)
{
	queued = w;
	return true;
}
int qdisc_xmit(struct net_device *dev, struct sk_buff *skb)
{
	return 0;
}
void qdisc_more(struct net_device *dev)
{
}
void ip_rcv(struct sk_buff *skb)
{
}
void arp_rcv(struct sk_buff *skb)
{
}
void errq_sent(const struct net_device *dev, struct sk_buff *skb, u32 what)
{
}
int gso_cut(struct sk_buff *skb, u32 l2, struct list_head *to)
{
	return 0;
}
void packet_tap_in(struct sk_buff *skb)
{
}
void sock_cgroup_priority(struct net_device *dev, struct sk_buff *skb)
{
}
void packet_tap_out(struct net_device *dev, struct sk_buff *skb)
{
}
bool vlan_insert(struct sk_buff *skb)
{
	return false;
}
bool vlan_untag(struct sk_buff *skb)
{
	return false;
}
bool vlan_rx(struct sk_buff *skb)
{
	return false;
}
bool vlan_rx_priority(struct sk_buff *skb)
{
	return false;
}
void kfree_skb(struct sk_buff *skb)
{
	kfree(skb);
}
void skb_free_list(struct list_head *queue)
{
	struct sk_buff *skb, *next;

	list_for_each_entry_safe(skb, next, queue, list) {
		list_del_init(&skb->list);
		kfree_skb(skb);
	}
}

u32 flow_of_frame(const struct net_device *dev, const struct sk_buff *skb)
{
	return 1;
}

void netname_queues(const char *name, u32 rx, u32 tx)
{
}
void netdev_queue_uevents(const struct net_device *dev, bool tx, u32 from, u32 to)
{
}

static u32 graces;

void synchronize_rcu(void)
{
	graces++;
}

/* @in_send: a queue in whose send() another vCPU is until the time @until */
static struct netdev_queue *in_send;
static u64 until;

int schedule_deadline(u64 deadline)
{
	now = deadline;
	if (in_send && now >= until)
		in_send->busy = false;
	return 0;
}

/* ---- a card ---- */

static struct {
	u32 takes; /* frames that one send() takes */
	/* frames that another vCPU queues during send() */
	u32 comes;
	bool purge; /* the link is lost during send() */
	u32 sent;
	u32 polls; /* rounds of poll() that still find frames */
	bool saw_poll;
} card;

static int send_one(struct net_device *dev)
{
	struct sk_buff *skb = kzalloc(sizeof(*skb), GFP_KERNEL);

	skb->head = SKB_ROOM;
	skb->len = 100;
	INIT_LIST_HEAD(&skb->list);
	return dev_xmit(dev, skb);
}

static u32 card_send(struct netdev_queue *q, struct list_head *queue)
{
	u32 n = 0;

	while (n < card.takes && !list_empty(queue)) {
		struct sk_buff *skb = list_first_entry(queue, struct sk_buff, list);

		list_del_init(&skb->list);
		kfree_skb(skb);
		n++;
	}
	for (; card.comes; card.comes--)
		assert_int_equal(send_one(q->dev), 0);
	if (card.purge)
		netdev_purge_tx(q->dev);
	card.purge = false;
	card.sent += n;
	return n;
}

static u32 card_poll(struct netdev_queue *q, u32 budget)
{
	card.saw_poll = netdev_polling(q);
	return card.polls && card.polls-- ? budget : 0;
}

static const struct netdev_ops card_ops = { .send = card_send, .poll = card_poll };

static void card_setup(struct net_device *dev, u32 takes)
{
	static bool begun;

	if (!begun)
		netdev_io_init();
	begun = true;
	*dev = (struct net_device){ .ops = &card_ops,
		.flags = IFF_UP,
		.carrier = true,
		.txqlen = 10,
		.nr_queues = 1,
		.real_tx = 1,
		.type = ARPHRD_NONE };
	netdev_queue_init(&dev->first, dev, 0);
	card.takes = takes;
	card.sent = card.comes = 0;
	card.purge = false;
}

/* ---- tests ---- */

static void test_queue(void **state)
{
	static struct net_device dev;

	card_setup(&dev, 4);
	for (u32 i = 0; i < 12; i++)
		assert_int_equal(send_one(&dev), i < 10 ? 0 : -ENOBUFS);
	net_rx_flush();
	assert_int_equal(card.sent, 4);
	assert_int_equal(dev.first.txq_len, 6);
	assert_true(dev.first.stopped);
	netdev_purge_tx(&dev);
	assert_int_equal(dev.first.txq_len, 0);
	assert_false(dev.first.stopped);
	assert_int_equal(fake_allocations, 0);
}

/* Frames in send() stay counted during a purge: the vCPU that sends them subtracts them itself. */
static void test_purge_beside_send(void **state)
{
	static struct net_device dev;

	for (u32 takes = 0; takes < 6; takes++) {
		card_setup(&dev, takes);
		for (u32 i = 0; i < 5; i++)
			assert_int_equal(send_one(&dev), 0);
		card.comes = 3;
		card.purge = true;
		net_rx_flush();
		assert_int_equal(dev.first.txq_len, 5 - takes); /* the 3 others were purged */
		assert_false(dev.first.busy);
		card.takes = 20;
		assert_int_equal(send_one(&dev), 0);
		netdev_tx_wake(&dev.first);
		net_rx_flush();
		assert_int_equal(card.sent, 6);
		assert_int_equal(dev.first.txq_len, 0);
		assert_int_equal(fake_allocations, 0);
	}
}

/*
 * A poller that has queued its work is not in poll(): a thread that waits for the end of poll() may
 * hold a lock for which all workers wait.
 */
static void test_polling(void **state)
{
	static struct net_device dev;

	card_setup(&dev, 0);
	assert_false(netdev_polling(&dev.first));
	card.polls = 10;
	queued = NULL;
	netdev_poll(&dev.first);
	assert_true(card.saw_poll);
	assert_int_equal(card.polls, 6);
	assert_ptr_equal(queued, &dev.first.poll_work);
	assert_false(netdev_polling(&dev.first));
	queued->func(queued);
	assert_int_equal(card.polls, 0);
	assert_false(netdev_polling(&dev.first));
}

/*
 * A card is removed: its buffers stay as long as a thread is in send(), and no thread enters the
 * card again.
 */
static void test_quiesce(void **state)
{
	static struct net_device dev;

	card_setup(&dev, 0);
	dev.txqlen = 1;
	/* pretend that another vCPU lists the queue: this one then only queues the frame */
	dev.first.listed = 1;
	assert_int_equal(send_one(&dev), 0);
	dev.first.listed = 0;
	dev.flags = 0;
	dev.first.busy = true;
	in_send = &dev.first;
	until = now + 5 * NSEC_PER_SEC;
	graces = 0;
	netdev_quiesce(&dev);
	assert_false(dev.first.busy);
	assert_true(now >= until);
	assert_int_equal(graces, 2);
	assert_int_equal(dev.first.txq_len, 0);
	assert_int_equal(fake_allocations, 0);
	dev.flags = IFF_UP; /* the next card with this index */
	dev.txqlen = 10;
	dev.first.listed = 1;
	card.takes = 10;
	assert_int_equal(send_one(&dev), 0);
	net_rx_flush();
	assert_int_equal(card.sent, 0);
	netdev_purge_tx(&dev);
	in_send = NULL;
}

UNIT_MAIN(cmocka_unit_test(test_queue), cmocka_unit_test(test_purge_beside_send),
	cmocka_unit_test(test_polling), cmocka_unit_test(test_quiesce))
