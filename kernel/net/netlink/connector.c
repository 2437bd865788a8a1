/* SPDX-License-Identifier: MIT */
/*
 * connector.c: netlink's connector. It has process events only (CN_IDX_PROC;
 * kernel/task/proc_event.h): fork, exec, exit and others of tasks.
 * Sources: <linux/connector.h>, <linux/cn_proc.h>; networking/connector.rst of linux-doc.
 *
 * A listener joins group CN_IDX_PROC and sends PROC_CN_MCAST_LISTEN, optionally with a mask of
 * events. PROC_CN_MCAST_IGNORE ends the selection, as does closing the socket. Both messages are
 * answered by an event that contains only 0 or the error; it is sent to all members of the group
 * that listen to every event. The connector exists in the first network namespace only, and for
 * tasks in the first namespaces of pids and users, to which its pids and uids belong.
 *
 * An event is lost if a listener's queue is full, and the listener gets ENOBUFS. The events of each
 * vCPU are numbered consecutively.
 *
 * Locks: nl_lock for the events that a socket has selected.
 */
#include <asm/errno.h>
#include <linux/connector.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/net.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/proc_event.h"

#define CN_GROUPS 26
#define CN_MESSAGE_MOST 16384 /* bytes, with its header */
/* PROC_EVENT_NONZERO_EXIT, which headers before Linux 6.6 lack */
#define CN_NEWER_EVENTS 0x20000000U
#define EVENTS                                                                                     \
	((u32)PROC_EVENT_FORK | PROC_EVENT_EXEC | PROC_EVENT_UID | PROC_EVENT_GID |                \
		PROC_EVENT_SID | PROC_EVENT_PTRACE | PROC_EVENT_COMM | CN_NEWER_EVENTS |           \
		PROC_EVENT_COREDUMP | PROC_EVENT_EXIT)

/*
 * nl_sock.word: the events that a socket has selected, with these two flags: the socket has sent a
 * LISTEN or IGNORE, and the last of them was LISTEN. 0: it has sent none, and gets all events.
 */
#define WANTS_SAID (1UL << 32)
#define WANTS_LISTENS (1UL << 33)

struct event_msg {
	struct nlmsghdr head;
	struct cn_msg cn;
	struct proc_event ev;
} __attribute__((packed));

static u32 counts[MAX_CPUS];

static void send_event(struct proc_event *ev, u32 ack)
{
	int cpu = smp_processor_id();
	u32 seq = __atomic_fetch_add(&counts[cpu], 1, __ATOMIC_RELAXED);
	struct event_msg m = {
		.head = { .nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_DONE, .nlmsg_seq = seq },
		.cn = { .id = { CN_IDX_PROC, CN_VAL_PROC },
			.seq = seq,
			.ack = ack,
			.len = sizeof(*ev) },
	};

	BUILD_BUG_ON(sizeof(m) != 16 + 20 + 40);
	ev->cpu = (u32)cpu;
	ev->timestamp_ns = ktime_get();
	m.ev = *ev;
	nl_broadcast(&init_net, NETLINK_CONNECTOR, CN_IDX_PROC, &m, sizeof(m));
}

static void notify_event(struct proc_event *ev)
{
	send_event(ev, 0);
}

static bool wants(const struct nl_sock *n, const void *data, u32 len)
{
	struct event_msg m;
	u32 what;

	if (!(n->word & WANTS_SAID) || len != sizeof(m))
		return true;
	memcpy(&m, data, sizeof(m));
	what = m.ev.what;
	if (!(n->word & WANTS_LISTENS))
		return false;
	if (what == PROC_EVENT_EXIT && n->word & CN_NEWER_EVENTS && m.ev.event_data.exit.exit_code)
		return true;
	return (u32)n->word == EVENTS || (u32)n->word & what;
}

/* ---- messages of listeners ---- */

static u64 word_for(u32 op, u32 events)
{
	events &= EVENTS;
	return WANTS_SAID |
	       (op == PROC_CN_MCAST_LISTEN ? WANTS_LISTENS | (events ? events : EVENTS) : 0);
}

static void counted(u64 before, u64 after)
{
	u32 step = !!(after & WANTS_LISTENS) - !!(before & WANTS_LISTENS);

	__atomic_fetch_add(&proc_event_listeners, step, __ATOMIC_RELAXED);
}

static void listen(struct nl_sock *n, const struct cn_msg *cn, const u32 *arg)
{
	u32 op = arg[0], events = cn->len == 2 * sizeof(u32) ? arg[1] : 0;
	struct proc_event ack = { .what = PROC_EVENT_NONE };

	if (op == PROC_CN_MCAST_LISTEN || op == PROC_CN_MCAST_IGNORE)
		counted(nl_set_word(n, word_for(op, events)), word_for(op, events));
	else
		ack.event_data.ack.err = EINVAL;
	if (READ_ONCE(proc_event_listeners))
		send_event(&ack, cn->ack + 1);
}

static bool lives_in_first_namespaces(void)
{
	return current_user_ns() == &init_user_ns && pid_ns_of(current->thread_pid) == &init_pid_ns;
}

/*
 * Serves the message of a send. Skips, without an answer, a malformed message, a message with
 * another connector id, and a message of a sender outside the first namespaces. Returns the end of
 * the buffer.
 */
static u32 serve_one(struct nl_sock *n, const void *buf, u32 len, u32 off)
{
	struct nlmsghdr head;
	struct cn_msg cn;
	u32 arg[2] = { 0 };

	if (off || len < sizeof(head) + sizeof(cn))
		return len;
	memcpy(&head, buf, sizeof(head));
	memcpy(&cn, buf + sizeof(head), sizeof(cn));
	if (head.nlmsg_len > len || head.nlmsg_len > CN_MESSAGE_MOST + sizeof(head) ||
		head.nlmsg_len < sizeof(head) + sizeof(cn) + cn.len)
		return len;
	if (cn.id.idx != CN_IDX_PROC || cn.id.val != CN_VAL_PROC || !lives_in_first_namespaces())
		return len;
	if (cn.len != sizeof(u32) && cn.len != sizeof(arg))
		return len;
	memcpy(arg, buf + sizeof(head) + sizeof(cn), cn.len);
	listen(n, &cn, arg);
	return len;
}

static int serve(struct nl_sock *n, const struct nlmsghdr *req)
{
	return 0; /* serve_one() has taken all messages */
}

static void release(struct nl_sock *n)
{
	counted(n->word, 0);
}

const struct nl_proto nl_connector = {
	.protocol = NETLINK_CONNECTOR,
	.groups = CN_GROUPS,
	.all_recv = true,
	.first_net = true,
	.serve = serve,
	.serve_batch = serve_one,
	.wants = wants,
	.release = release,
};

static const struct proc_event_ops event_ops = { .send = notify_event };

static int connector_init(void)
{
	proc_event_ops = &event_ops;
	return 0;
}
INITCALL(2, connector_init);
