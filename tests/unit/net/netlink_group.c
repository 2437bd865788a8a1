/* SPDX-License-Identifier: MIT */
/*
 * netlink_group.c: the members of a group get ENOBUFS for each loss of a message: without memory
 * for the message, for an entry of an empty log, or for a member's copy.
 *
 * SOURCES: kernel/net/netlink/netlink_group.c
 */
#include <asm/errno.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/sched/sched.h"
#include "unit.h"

#define GROUP 5U
#define CROWD 40 /* more members than get a message at once */

/* ---- fakes ---- */

DEFINE_SPINLOCK(nl_lock);
struct user_namespace init_user_ns;

static struct net net;
static struct nl_sock socks[CROWD];
static struct work *queued;
static int received;

struct nl_msg *nl_msg_new(const void *data, u32 len, gfp_t gfp)
{
	struct nl_msg *m = kzalloc(sizeof(*m) + len, gfp);

	if (m)
		m->len = len;
	return m;
}

int nl_queue_msg(struct nl_sock *n, struct nl_msg *m, bool force)
{
	kfree(m);
	received++;
	return 0;
}

size_t ksize(const void *p)
{
	return 64;
}

u64 nr_managed_frames(void)
{
	return 1UL << 20;
}

bool fatal_signal_pending(struct task *t)
{
	return false;
}

void spin_unlock_yield(spinlock_t *l)
{
	spin_unlock(l);
}

void work_setup(struct work *w, void (*func)(struct work *w))
{
	w->func = func;
}

bool work_queue(struct work *w)
{
	queued = w;
	return true;
}

/* ---- tests ---- */

static const struct nl_proto proto = { .protocol = NETLINK_ROUTE };

static void join(int nr)
{
	for (int i = 0; i < nr; i++) {
		socks[i] = (struct nl_sock){ .c.net = &net, .proto = &proto };
		INIT_LIST_HEAD(&socks[i].queue);
		assert_int_equal(nl_hub_enter(&socks[i]), 0);
		assert_int_equal(
			nl_set_groups(&socks[i], 1UL << (GROUP - 1), 1UL << (GROUP - 1)), 0);
	}
	received = 0;
}

static void leave_all(int nr)
{
	spin_lock(&nl_lock);
	for (int i = 0; i < nr; i++)
		kfree(nl_hub_leave(&socks[i]));
	spin_unlock(&nl_lock);
	if (queued)
		queued->func(queued);
	queued = NULL;
	assert_int_equal(fake_allocations, 0);
}

/* Returns how many sockets have got ENOBUFS since the last call. */
static int told(int nr)
{
	int n = 0;

	for (int i = 0; i < nr; i++) {
		nl_catch_up(&socks[i]);
		n += socks[i].c.err == -ENOBUFS;
		socks[i].c.err = 0;
	}
	return n;
}

static void send_with(long allocations)
{
	fake_fail_after = allocations;
	nl_broadcast(&net, NETLINK_ROUTE, GROUP, "text", 4);
	fake_fail_after = -1;
}

/* A group whose members get each message at once. */
static void few(void **state)
{
	join(3);
	send_with(0); /* none for the message */
	assert_int_equal(told(3), 3);
	assert_int_equal(received, 0);
	send_with(2); /* the message, and the copy of one member */
	assert_int_equal(received, 1);
	assert_int_equal(told(3), 2);
	socks[1].options = 1U << NETLINK_NO_ENOBUFS;
	nl_broadcast_lost(&net, NETLINK_ROUTE, GROUP);
	assert_int_equal(told(3), 2);
	nl_broadcast_lost(&net, NETLINK_ROUTE, GROUP + 1);
	assert_int_equal(told(3), 0);
	leave_all(3);
}

/* A group that gets its messages by the log. */
static void many(void **state)
{
	for (long had = 0; had <= 2; had++) {
		join(CROWD);
		send_with(had);
		assert_int_equal(told(CROWD), CROWD);
		assert_int_equal(received, 0);
		/* The log is empty again: further losses are recorded, and so is what follows. */
		send_with(had);
		send_with(-1);
		send_with(had);
		assert_int_equal(told(CROWD), CROWD);
		assert_int_equal(received, CROWD);
		assert_int_equal(told(CROWD), 0);
		/* A loss that no socket has read does not outlive the sockets. */
		send_with(had);
		leave_all(CROWD);
	}
}

UNIT_MAIN(cmocka_unit_test(few), cmocka_unit_test(many))
