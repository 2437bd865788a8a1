/* SPDX-License-Identifier: MIT */
/*
 * uevent.c: each queue that a device gains or loses is reported by a uevent, and the function
 * reschedules in between, since there may be thousands of queues.
 * SOURCES: kernel/net/netlink/uevent.c kernel/lib/string.c kernel/lib/vsprintf.c
 */
#include "kernel/fs/sysfs/device.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/link/link.h"
#include "kernel/net/net.h"
#include "unit.h"

#define MOST 8

const struct uevent_ops *uevent_ops;
static char told[MOST][64];
static u32 nr_told, pauses, longest, since_pause;

const char *link_kind(const struct net_device *dev)
{
	return NULL;
}
void cond_resched(void)
{
	pauses++;
	since_pause = 0;
}
void nl_broadcast(struct net *net, int protocol, u32 group, const void *data, u32 len)
{
	if (nr_told < MOST)
		strscpy(told[nr_told], data, sizeof(told[0]));
	nr_told++;
	longest = max(longest, ++since_pause);
}

static void tell(bool tx, u32 from, u32 to)
{
	static struct net net;
	static struct net_device dev = { .net = &net, .name = "eth0" };

	nr_told = pauses = longest = since_pause = 0;
	netdev_queue_uevents(&dev, tx, from, to);
}

#define QUEUE(action, which) action "@/devices/virtual/net/eth0/queues/" which

static void test_order(void **state)
{
	tell(true, 1, 3);
	assert_int_equal(nr_told, 2);
	assert_string_equal(told[0], QUEUE("add", "tx-1"));
	assert_string_equal(told[1], QUEUE("add", "tx-2"));
	tell(false, 2, 0);
	assert_int_equal(nr_told, 2);
	assert_string_equal(told[0], QUEUE("remove", "rx-1"));
	assert_string_equal(told[1], QUEUE("remove", "rx-0"));
	tell(false, 2, 2);
	assert_int_equal(nr_told, 0);
}

static void test_many(void **state)
{
	tell(true, 0, 4096);
	assert_int_equal(nr_told, 4096);
	assert_in_range(longest, 1, 64);
	tell(true, 4096, 0);
	assert_int_equal(nr_told, 4096);
	assert_in_range(longest, 1, 64);
}

UNIT_MAIN(cmocka_unit_test(test_order), cmocka_unit_test(test_many))
