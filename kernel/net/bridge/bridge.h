/* SPDX-License-Identifier: MIT */
/*
 * bridge.h: the public header of bridges (IEEE 802.1D). A bridge is a device whose ports are other
 * devices, and which forwards frames by the source addresses that it has learnt.
 *
 * What the folder is for:
 *      bridge.c          the device, its ports, link, MTU and address
 *      fdb.c             the table of addresses: learning, ageing, static entries
 *      forward.c         forwards a frame
 *      snoop*.c, mdb.c   IGMP and MLD snooping (snoop.h); bridge mdb
 *      stp.c, bpdu.c     the spanning tree: states of ports, the root; its frames
 *      values.c          IFLA_BR_* and IFLA_BRPORT_*: the parameters
 *      netlink.c         the family AF_BRIDGE of rtnetlink: bridge(8)
 *      sysfs.c, ioctl.c  the interfaces of brctl(8)
 *
 * Types: struct bridge; struct br_port; struct br_fdb, an address and its port.
 *
 * Call sequence: `ip link set DEV master BR` makes a port, whose net_device.rx_handler is in
 * forward.c. The source of a frame is learnt. Then the frame goes up (it is received by the bridge
 * device, for this machine's own network layer, the "host"), or is sent by one port, or by all.
 *
 * Locks: link.c's mutex for adding and removing ports, and for settings. br->lock (spin, inside
 * net->lock) for the list and states of ports and the table; a frame's lookup takes it, and frames
 * are sent without it. A port and a bridge are freed a grace period after their removal.
 *
 * May know: link/, netlink/; of IP only the messages that snoop*.c read.
 */
#ifndef NESTLING_NET_BRIDGE_H
#define NESTLING_NET_BRIDGE_H

#include <linux/if_bridge.h>

#include "kernel/lib/lock.h"
#include "kernel/net/bridge/snoop.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/timer.h"

#define BR_PORTS_MAX 1023U
#define BR_FDB_BITS 8
#define BR_LEARNED_MAX 4096U      /* learnt entries of a bridge */
#define BR_LEARNED_MAX_ALL 32768U /* learnt entries of all bridges */
#define BR_BY_HAND_MAX 4096U      /* entries of a bridge set by hand */
/* times are reported in hundredths of a second */
#define BR_TICK (NSEC_PER_SEC / 100)

/* br_port.flags: bit n is named by br_port_flags[n] (values.c). */
enum {
	BRP_HAIRPIN,
	BRP_GUARD,
	BRP_PROTECT,
	BRP_FAST_LEAVE,
	BRP_LEARNING,
	BRP_UNICAST_FLOOD,
	BRP_MCAST_FLOOD,
	BRP_BCAST_FLOOD,
	BRP_ISOLATED,
	BRP_LOCKED,
	BRP_FLAGS,
};

/*
 * A spanning tree's priority vector (IEEE 802.1D, 8.6.2.2). The lower of two vectors is the better
 * path to the root. Bridges are named by their identifiers (br_id()).
 */
struct br_vector {
	u8 root[8];
	u32 cost;     /* cost of the path from @bridge to @root */
	u8 bridge[8]; /* the bridge that sends the message */
	u16 port;     /* the number of that bridge's sending port */
};

/*
 * The spanning tree's part of a port; under br->lock. Members named _at are the times (ktime_get())
 * at which timers expire; 0: the timer is not running.
 */
struct br_port_stp {
	/* vector of the designated port of the port's LAN, which may be this port */
	struct br_vector best;
	/* the next configuration message acknowledges a change of topology */
	bool change_ack;
	/* a configuration message is sent when the hold timer expires */
	bool pending;
	u64 age_at, forward_at, hold_at;
	/* the port's state has changed: finish() notifies listeners, without the lock */
	bool notify_due;
	bool flush; /* drops entries learnt from the port, too */
};

struct br_port {
	/*
	 * br_rx(). Each structure at net_device.port begins with its rx_handler, which identifies
	 * the type of the structure
	 */
	bool (*kind)(struct net_device *, struct sk_buff *);
	struct list_head list; /* under br->lock */
	struct bridge *br;     /* immutable, like dev and no */
	struct net_device *dev;
	u16 no;   /* number of the port, from 1 on */
	u8 state; /* BR_STATE_*; written under br->lock */
	/*
	 * the port is being removed: no address is learnt from it, and its state stays disabled;
	 * written under br->lock
	 */
	bool gone;
	/* this member and the next three are written under link.c's mutex and read without it */
	u16 priority;       /* 0 to 63; the lower is better */
	u32 cost;           /* path cost of the port's link */
	u32 flags;          /* a bit for each BRP_* */
	u16 group_fwd_mask; /* see bridge.group_fwd_mask */
	struct br_port_stp stp;
	struct br_port_snoop snoop;
	struct rcu_head rcu;
};

/* The spanning tree's part of a bridge; under br->lock. Times as in struct br_port_stp. */
struct br_stp {
	bool on;
	u8 root[8];
	u32 root_cost;
	/* number of the root port; 0: this bridge is root */
	u16 root_port;
	/*
	 * change: the root's messages report a change of the topology. change_detected: this bridge
	 * has detected one, which the root has not acknowledged yet
	 */
	bool change, change_detected;
	u32 hello, max_age, forward_delay; /* the root's values, in ticks */
	u64 hello_at, tcn_at, change_at;
	/* armed for the soonest of the times of the bridge and its ports */
	struct ktimer timer;
	struct list_head out; /* frames that finish() will send */
};

struct bridge {
	struct net_device *dev; /* immutable */
	spinlock_t lock;
	/* ports, nr_ports and the next three lines are under lock */
	struct list_head ports;
	u32 nr_ports;
	struct hlist_head fdb[1 << BR_FDB_BITS]; /* of br_fdb.node */
	u32 nr_learned, nr_by_hand;              /* numbers of entries in fdb */
	struct ktimer gc;                        /* removes old entries */
	bool closing;                            /* set at removal: no timer starts any more */
	/*
	 * ticks of BR_TICK ns; the last three apply while the bridge is root. These four members
	 * and those down to no_linklocal_learn are written under link.c's mutex and read without it
	 */
	u32 ageing, forward_delay, hello, max_age;
	/* group_fwd_mask: bit n: frames to 01:80:c2:00:00:0n are forwarded */
	u16 priority, group_fwd_mask;
	u8 group_addr[ETH_ALEN];
	bool no_linklocal_learn;
	/* the administrator has set MTU or address; otherwise they follow the ports */
	bool mtu_set, mac_set;
	/* address and MTU are being set to the ports' values */
	bool following;
	/*
	 * the address in the bridge's identifier: the bridge's own, but zero while that is random
	 */
	u8 id_mac[ETH_ALEN];
	struct br_stp stp;
	struct br_snoop snoop;
	/* member of the groups of all snoopers; under link.c's mutex */
	bool in_snoopers[SNOOP_FAMILIES];
	struct rcu_head rcu;
};

struct br_fdb {
	struct hlist_node node;
	u8 mac[ETH_ALEN];
	/*
	 * an address of the bridge or a port, or set by hand as such: frames for it go to the host
	 */
	bool local;
	bool fixed; /* does not expire */
	bool by_hand;
	bool sticky; /* does not move to another port */
	/* the own address of the bridge or a port */
	bool own;
	struct br_port *port; /* NULL: the bridge's own host */
	u64 updated, used;    /* ktime_get() */
};

/* True if @dev is a bridge. */
static inline bool is_bridge(const struct net_device *dev)
{
	return dev->ops->type == &bridge_link;
}
/* Returns the bridge that @dev is, or NULL. It is freed a grace period after its removal. */
static inline struct bridge *BRIDGE(const struct net_device *dev)
{
	return is_bridge(dev) ? READ_ONCE(*(struct bridge *const *)&dev->private) : NULL;
}
/* Returns the port that @dev is, or NULL. It is freed a grace period after its removal. */
struct br_port *br_port_of(const struct net_device *dev);

/* ---- bridge.c ---- */
/* Sets the bridge's carrier, which is on while a port forwards. Takes br->lock. */
void br_follow_states(struct bridge *br);
/* Writes the bridge's identifier to @id: priority (2 bytes, big endian) and id_mac. */
void br_id(const struct bridge *br, u8 id[8]);
/* Returns the port's identifier: priority (6 bits) and number. */
static inline u16 br_port_id(const struct br_port *p)
{
	return (u16)(p->priority << 10 | p->no);
}

/* ---- stp.c; functions take br->lock unless it is held, and may be called from a timer ---- */
/* Sets up the spanning tree's part of a new bridge. */
void br_stp_init(struct bridge *br);
void br_stp_end(struct bridge *br); /* the bridge has no ports; may sleep */
/* Sets up a new port. br->lock is held. */
void br_stp_init_port(struct br_port *p);
/*
 * Selects the roles of ports again after a port was removed from the list: it may have been the
 * root port.
 */
void br_stp_port_left(struct bridge *br);
/* Enables and disables ports after their carriers, or the state of the bridge, have changed. */
void br_stp_settle(struct bridge *br);
/* Set port states and timers when the device has gone up or down; switch STP on or off. */
void br_stp_up(struct bridge *br);
void br_stp_down(struct bridge *br);
void br_stp_switch(struct bridge *br, bool on);
/* Changes the identifier of the bridge. */
void br_stp_set_id(struct bridge *br, u16 priority, const u8 *mac);
/* Applies changed times of the bridge: at once if it is root. */
void br_stp_times_changed(struct bridge *br);
/* Sets a state by hand, a BR_STATE_*. Returns 0, or -EBUSY while STP is on. */
int br_stp_set_state(struct br_port *p, u8 state);
/* Set a port's priority (0 to 63) and path cost, and select the roles of ports again. */
void br_stp_set_priority(struct br_port *p, u16 priority);
void br_stp_set_cost(struct br_port *p, u32 cost);
/* Handles a spanning tree message that has arrived by @p. */
struct br_bpdu;
void br_stp_heard(struct br_port *p, const struct br_bpdu *b);
/* Returns the ticks until the time @at; 0: it has passed, or @at is 0. */
u64 br_ticks_until(u64 at);

/* ---- bpdu.c ---- */
/* A message of the spanning tree. Times in 1/256 s. */
struct br_bpdu {
	/* the message only reports a change of the topology; the other fields are unused */
	bool notification;
	bool change, change_ack;
	struct br_vector v;
	u16 age, max_age, hello, forward_delay;
};
/* Makes the frame by which @p sends @b; the caller owns it. NULL: no memory. br->lock held. */
struct sk_buff *br_bpdu_frame(const struct br_port *p, const struct br_bpdu *b);
/*
 * Handles a frame to the bridge group address, whose link header @h was pulled: parses a spanning
 * tree message and passes it to stp.c. Does not consume @skb.
 */
void br_bpdu_rx(struct br_port *p, const struct sk_buff *skb, const struct ethhdr *h);

/* ---- fdb.c; br->lock: functions named _locked need it held, the others take it ---- */
/* Returns the entry of @mac. NULL: there is none, or it has expired. */
struct br_fdb *br_fdb_find_locked(struct bridge *br, const u8 *mac);
/*
 * Learns that @mac is reached by @p, from which a frame has arrived. Returns true if the entry is
 * new or changed, and must be reported by br_fdb_notify() after the lock is released.
 */
bool br_fdb_learn_locked(struct bridge *br, struct br_port *p, const u8 *mac);
/* Recreates the entries of the own addresses of the bridge and its ports. */
void br_fdb_own(struct bridge *br);
enum { BR_FLUSH_LEARNED, BR_FLUSH_ALL };
/*
 * Removes the entries of @p, or of all ports and the bridge (NULL), and notifies listeners. @what:
 * BR_FLUSH_LEARNED (only entries that can expire) or BR_FLUSH_ALL.
 */
void br_fdb_flush(struct bridge *br, const struct br_port *p, int what);
/* Removes entries that are older than the ageing time, when the timer br->gc expires. */
void br_fdb_gc(struct ktimer *t);
/* Makes br->gc run soon, after the ageing time has changed. */
void br_fdb_gc_soon(struct bridge *br);
/* A request to add an entry by hand: @mac has 6 bytes. */
struct br_fdb_wish {
	const u8 *mac;
	u16 state; /* NUD_* */
	u8 flags;  /* NTF_* */
	u32 nlflags;
};
/*
 * Adds or changes an entry of @p (NULL: of the bridge's host) by hand, and notifies listeners.
 * Returns 0 or -errno.
 */
int br_fdb_add(struct bridge *br, struct br_port *p, const struct br_fdb_wish *w);
/*
 * Removes the entry of @mac, and notifies listeners. Returns 0, or -ENOENT unless it is an entry of
 * @p (NULL: of the bridge's host).
 */
int br_fdb_del(struct bridge *br, const struct br_port *p, const u8 *mac);
/*
 * A copy of an entry, for messages. @old: it has expired; @ifindex: of the port, or the bridge;
 * @master: of the bridge; times are ktime_get().
 */
struct br_fdb_info {
	u8 mac[ETH_ALEN];
	bool local, fixed, sticky, old;
	int ifindex, master;
	u16 port_no;
	u64 updated, used;
};
/* Copies the entries of @br, at most @max, to @info, and returns their number. */
u32 br_fdb_list(struct bridge *br, struct br_fdb_info *info, u32 max);
/* Copies one entry to *@info. */
void br_fdb_info_locked(const struct bridge *br, const struct br_fdb *e, struct br_fdb_info *info);

/* ---- forward.c ---- */
/* rx_handler of ports: returns true if it has consumed @skb. */
bool br_rx(struct net_device *dev, struct sk_buff *skb);
/* netdev_ops.xmit of bridges. */
int br_xmit(struct net_device *dev, struct sk_buff *skb);

/* ---- values.c ---- */
/* link_type's functions of a bridge and of its ports. */
int br_change(struct net_device *dev, const void *data, u32 len);
int br_change_port(struct net_device *port, const void *data, u32 len);
void br_fill(struct nl_builder *b, const struct net_device *dev);
void br_fill_port(struct nl_builder *b, const struct net_device *port);
/*
 * Returns the lifetime of learnt addresses for programs, in ticks: shorter while the topology
 * changes.
 */
u32 br_ageing_shown(const struct bridge *br);
/*
 * Set the parameter @attr, an IFLA_BR_* or IFLA_BRPORT_*, to @v, times in ticks. link.c's mutex
 * held. Return 0 or -errno, -EOPNOTSUPP for a parameter that cannot be set.
 */
int br_set_value(struct bridge *br, u16 attr, u64 v);
int br_port_set_value(struct br_port *p, u16 attr, u64 v);

/* ---- netlink.c ---- */
/* Notifies listeners of a changed port. br->lock is not held. */
void br_notify_port(struct br_port *p);
/* Notifies listeners of an entry. @type: RTM_NEWNEIGH or RTM_DELNEIGH. br->lock is not held. */
void br_fdb_notify(struct net *net, const struct br_fdb_info *info, u16 type);

#endif
