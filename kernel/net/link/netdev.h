/* SPDX-License-Identifier: MIT */
/*
 * netdev.h: the public header of devices: a network device, its driver's operations, and the
 * passing of packets between drivers and the stack.
 *
 * What the folder is for: devices (netdev.c), their queues and flushes (netdev_io.c,
 * netdev_queues.c), Ethernet (eth.c), large packets (gso.c), devices that programs make (link.h:
 * veth, vlan, macvlan, dummy), tun and tap (tun.h), /sys/class/net (net_sysfs.h), ethtool
 * (ethtool.h), a lossy lo for tests (impair.c).
 *
 * Types: struct net_device; struct netdev_ops, a driver; struct netdev_queue, one of a card's
 * queues; struct link_type (link.h), a kind that programs can make.
 *
 * Drivers: a driver without a queue (lo) takes each packet in xmit(). A driver with a queue (a
 * card) has send(), which gets all queued packets at once, and poll(), which receives frames:
 *
 *      dev_xmit() -> a queue -> (net_rx_flush(), no lock held) -> send()
 *      interrupt -> netdev_poll() -> poll() -> eth_rx() -> backlog -> protocols
 *
 * send() may leave packets when the host takes no more; netdev_tx_wake() resumes sending. poll()
 * receives at most a budget of frames. Under load the interrupt stays off and a kernel thread
 * polls, so that the scheduler shares the vCPU between packets and programs. A card may have
 * several queues, each with its own interrupt: they send and poll side by side. The hash of a
 * packet's flow chooses the queue (route/flow.c), so that packets of a flow stay in order, also
 * while the number of queues changes.
 *
 * Call sequence of a driver: netdev_alloc() or netdev_init(), netdev_queues_setup(),
 * netdev_register(); netdev_poll() in its interrupt; netdev_unregister(), and the memory is freed a
 * grace period later. Call sequence of a sender: dev_xmit(), then net_rx_flush() once no lock is
 * held.
 *
 * Locks: net->lock protects a device's flags and its place in the list. link.c's mutex serializes
 * changes of kinds, masters and queues. A queue's lock protects its packets; send() is called
 * without it, by one vCPU at a time (busy). The number of queues that send (real_tx) changes with
 * all queues' locks held.
 *
 * May know: sched/, bridge/ by rx_handler alone, packet/'s taps, neigh/, inet/ for received
 * packets.
 */
#ifndef NESTLING_NET_NETDEV_H
#define NESTLING_NET_NETDEV_H

#include <linux/if_ether.h>

#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/net/mcast/mcast.h"
#include "kernel/net/netlink/netconf.h"
#include "kernel/sched/timer.h"

#define IFNAMSIZ 16
#define IFALIAS_MAX 256
#define MTU_MIN 68U    /* IPv4's smallest MTU, bytes */
#define ALTNAMES_MAX 8 /* alternative names of a device */
#define IFF_UP 0x1
#define IFF_BROADCAST 0x2
#define IFF_LOOPBACK 0x8
#define IFF_POINTOPOINT 0x10
#define IFF_RUNNING 0x40
#define IFF_NOARP 0x80
#define IFF_PROMISC 0x100
#define IFF_ALLMULTI 0x200
#define IFF_MULTICAST 0x1000
#define IFF_LOWER_UP 0x10000
/* IFF_* flags that a user may change; the others follow from the device. */
#define NETDEV_USERS_FLAGS                                                                         \
	(IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP | IFF_MULTICAST | 0x4 | 0x20 | 0x8000)
#define NETDEV_KERNELS_FLAGS                                                                       \
	(IFF_BROADCAST | IFF_LOOPBACK | IFF_POINTOPOINT | IFF_RUNNING | IFF_LOWER_UP)
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define ARPHRD_NONE 0xfffe

struct net;
struct net_device;
struct sk_buff;

struct link_type;
struct netdev_queue;
struct qdisc_root;
struct netdev_ops {
	/* the kind of a device that programs make (link.h), else NULL */
	const struct link_type *type;
	const char *driver; /* name of the driver, for ethtool */
	/* name of the root qdisc of a device without a tree */
	const char *qdisc;
	/* bytes */
	u32 max_mtu;
	/*
	 * the driver accepts neither skb->gso nor packets without a checksum; for a driver with
	 * send() see to_be_cut()
	 */
	bool cuts_nothing;
	/*
	 * reads skb->vlan_tci; else the tag is put among the bytes before xmit() or send() gets it
	 */
	bool takes_tags;
	/*
	 * Sends @skb, which begins with its network header (with its link header for ARPHRD_ETHER),
	 * and consumes it. Spinlocks may be held; must not sleep. Returns 0 or -errno.
	 */
	int (*xmit)(struct net_device *dev, struct sk_buff *skb);
	/*
	 * Sends packets from the front of @queue, and frees them. Returns their number. The rest
	 * waits for netdev_tx_wake(). No spinlock is held; must not sleep.
	 */
	u32 (*send)(struct netdev_queue *q, struct list_head *queue);
	/*
	 * Passes at most @budget received frames to eth_rx(). Returns their number; if it is less
	 * than @budget, the interrupt is enabled again. No spinlock is held; must not sleep.
	 */
	u32 (*poll)(struct netdev_queue *q, u32 budget);
	/*
	 * Sends and receives by the first @n of the nr_queues queues from now on. Returns 0 or
	 * -errno. link.c's mutex held. NULL: there is one queue.
	 */
	int (*set_queues)(struct net_device *dev, u32 n);
	/*
	 * Start and stop a card, when the device goes up or down. open() returns 0, or -errno to
	 * keep the device down. They may be NULL, and may sleep. link.c's mutex is held, as for the
	 * next two.
	 */
	int (*open)(struct net_device *dev);
	void (*stop)(struct net_device *dev);
	/* Checks and applies a new MTU. Returns 0, or -errno to refuse it. May be NULL. */
	int (*set_mtu)(struct net_device *dev, u32 mtu);
	/* Applies a new address of 6 bytes, before it is in dev->addr. May be NULL. */
	void (*set_address)(struct net_device *dev, const u8 *mac);
	/*
	 * IFF_PROMISC was set or cleared, or netdev_count() has set or cleared IFF_ALLMULTI; may be
	 * NULL.
	 */
	void (*modes_changed)(struct net_device *dev);
};

/* Values of /sys/class/net/NAME/addr_assign_type. */
enum { NETDEV_ADDR_PERM, NETDEV_ADDR_RANDOM, NETDEV_ADDR_STOLEN, NETDEV_ADDR_SET };

/* RFC 2863's states of a device; <linux/if.h> needs libc. */
enum {
	IF_OPER_UNKNOWN,
	IF_OPER_NOTPRESENT,
	IF_OPER_DOWN,
	IF_OPER_LOWERLAYERDOWN,
	IF_OPER_TESTING,
	IF_OPER_DORMANT,
	IF_OPER_UP,
};

struct netdev_stats {
	u64 rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped, rx_errors,
		tx_errors, multicast;
};

#define NETDEV_QUEUES 16U /* limit of queues of a card */

struct netdev_queue {
	struct net_device *dev;
	u32 index;
	spinlock_t lock;
	/* queued packets; under lock, like the members down to large */
	struct list_head txq;
	u32 txq_len; /* packets, with those that send() has */
	bool busy;   /* a vCPU is in send() for this queue */
	/* the card has refused a packet: nothing is sent until netdev_tx_wake() */
	bool stopped;
	bool woken; /* netdev_tx_wake() was called while busy */
	/*
	 * a frame of more than HOLD_LARGE bytes is queued, so the queue is sent at once
	 * (netdev_io.c)
	 */
	bool large;
	/* in backlog.senders of the vCPU whose net_rx_flush() will send this queue (see listed) */
	struct list_head link;
	/* 1: the queue is in such a list; changed by xchg() */
	u32 listed;
	/*
	 * At least OFTEN frames were sent in the last period (netdev_io.c). A guess, as are the two
	 * members below: all three are written without a lock.
	 */
	bool often;
	u64 period; /* start of the present period, ns */
	/* tx_packets when the present period began */
	u64 counted;
	struct work poll_work;
	/* POLL_* (netdev_io.c): whether the thread or the interrupt polls */
	u32 polling;
	/* a vCPU is in poll(), or delivers its packets; see netdev_polling() */
	bool in_poll;
	/* counters of the queue's packets: the device's, or `own` */
	struct netdev_stats *stats;
	struct netdev_stats own;
};

struct net_device {
	struct list_head list; /* in net->devs; under net->lock */
	/*
	 * the namespace, without a reference: devices end with it. A late packet may still read it
	 * when the device is dead, so netdev_init() keeps it
	 */
	struct net *net;
	/*
	 * number of neighbour entries; under neigh.c's lock. netdev_init() keeps it, as a late call
	 * may add an entry
	 */
	u32 nr_neighs;

	/* Names and numbers: under net->lock. */
	char name[IFNAMSIZ];
	int ifindex;
	/* unique among all devices since boot; set by netdev_register() */
	u64 id;
	u32 group;
	char alias[IFALIAS_MAX];
	struct list_head altnames; /* of struct altname */

	/* Removal, and moves to another namespace. */
	/*
	 * the device is leaving its namespace, or has left it: no packet or address is added; under
	 * net->lock
	 */
	bool gone;
	/* the device is being moved to another namespace, with its queues; under link.c's mutex */
	bool moves;
	/*
	 * the device has been in another namespace, whose connections may refer to it: never freed;
	 * under link.c's mutex
	 */
	bool wandered;

	/* Settings: flags and their counts under net->lock; all are read without it. */
	u32 flags; /* IFF_* */
	/* number of users of IFF_PROMISC, and of IFF_ALLMULTI (netdev_count()) */
	u32 promisc, allmulti;
	/* IFF_PROMISC, IFF_ALLMULTI as set by hand, which is what programs see */
	u32 asked;
	u32 mtu;  /* bytes, without the link header */
	u16 type; /* ARPHRD_* */
	u8 addr[ETH_ALEN];
	u8 addr_assign; /* NETDEV_ADDR_*: the origin of addr */
	/* fills in checksums of TCP and cuts large segments; set by the driver */
	bool csum_out;
	/* limit of packets in each queue */
	u32 txqlen;
	struct netconf conf;

	/* State of the link: netdev_set_carrier(); read without a lock. */
	bool carrier; /* the link is up */
	/* carrier is valid; else the operational state is "unknown" */
	bool oper_known;
	/* number of changes of `carrier` */
	u32 carrier_changes;

	/* Stacked devices and bridges: under link.c's mutex. */
	/* at least the number of devices stacked below this one in a row (link_stack.c) */
	u8 level;
	/* in the list of devices stacked on another */
	struct list_head upper_link;
	/* number of devices stacked on this one (vlan and the like); read without a lock */
	u32 uppers;
	/*
	 * The master that this device is a port of (a bridge), which gets its packets first by
	 * rx_handler (true: consumed). Changed by link.c under its mutex, read without a lock; the
	 * object behind @port is freed a grace period later.
	 */
	struct net_device *master;
	bool (*rx_handler)(struct net_device *dev, struct sk_buff *skb);
	void *port;

	/* Neighbour discovery. */
	u64 nd_up; /* ktime_get(): neighbour discovery began */

	/* Multicast (mcast.h): under net->lock. */
	/* groups of IPv4 and IPv6, and the link addresses that follow from them */
	struct mc_if mc[2];
	struct list_head macs; /* of mc_mac, nr_macs of them */
	u32 nr_macs;
	bool mc_routers; /* member of the groups of routers */
	/* the device was set up since it was registered (mcast.c) */
	bool mc_was_up;

	/* The driver, and the counters. */
	const struct netdev_ops *ops;
	/* the driver's, or the kind's, part */
	void *private;
	/* counted without a lock, for people to read; netdev_sum() adds up all of them */
	struct netdev_stats stats;

	/* Priorities and queueing discipline. */
	/* priorities of net_prio (sock_cgroup.c); NULL: no group has a priority for this device */
	struct prio_map *prio_map;
	/* the queueing discipline (sched/qdisc.h); NULL: only the device's own queue */
	struct qdisc_root *qdisc;

	/* Queues, of a device that has some: each has its own lock. */
	struct netdev_queue first; /* queue 0 */
	/* the other nr_queues - 1 queues, an array of the driver; NULL: none */
	struct netdev_queue *more;
	u32 nr_queues; /* by netdev_queues_setup() */
	/*
	 * numbers of queues that programs see. num_tx, num_rx: the most possible; real_tx, real_rx:
	 * those in use. Under link.c's mutex, read without a lock
	 */
	u32 num_tx, num_rx, real_tx, real_rx;
	/* sending is stopped while the number of queues changes */
	bool tx_frozen;
};

/* Returns queue @index, which is below nr_queues. */
static inline struct netdev_queue *netdev_queue(struct net_device *dev, u32 index)
{
	return index ? &dev->more[index - 1] : &dev->first;
}

/*
 * Makes a device with @ops, which netdev_register() names and numbers. The caller owns it. May
 * sleep. NULL: no memory.
 */
struct net_device *netdev_alloc(const struct netdev_ops *ops, u16 type);
/*
 * Returns the memory of a dead device whose namespace has ended, for a new device. NULL: there is
 * none.
 */
struct net_device *netdev_take_wanderer(void);
/* Prepares memory, all 0 or of a dead device, for a new device. */
void netdev_init(struct net_device *dev, const struct netdev_ops *ops, u16 type);
/*
 * Registers a device in @net under @name. @index: the index that it must get; 0: its former index,
 * or else the next unused one. May sleep. Returns 0, -EEXIST (the name is in use) or -EBUSY (the
 * index is in use).
 */
int netdev_register(struct net *net, struct net_device *dev, const char *name, int index);

/* Find a device; NULL: there is none. net->lock held. */
struct net_device *netdev_by_index(struct net *net, int ifindex);
struct net_device *netdev_by_name(struct net *net, const char *name);
/*
 * Find a device without net->lock. The memory always remains a struct net_device, but may later be
 * reused for another device: see netdev_take_wanderer().
 */
struct net_device *netdev_find(struct net *net, const char *name);
struct net_device *netdev_find_index(struct net *net, int ifindex);
/*
 * Sets the flags in @change to their values in @flags; a loopback device that comes up gets its
 * addresses. link_lock() is held; may sleep. Returns 0, -ENODEV if a dead device is to come up, or
 * an error of open() or of adding the addresses, after which the device is down.
 */
int netdev_change_flags(struct net_device *dev, u32 flags, u32 change);
/* Returns the flags that programs see. */
static inline u32 netdev_shown_flags(const struct net_device *dev)
{
	return (dev->flags & ~(u32)(IFF_PROMISC | IFF_ALLMULTI)) | dev->asked;
}
/*
 * Adds @by to the number of users that need all frames (IFF_PROMISC) or all multicast
 * (IFF_ALLMULTI). Takes net->lock.
 */
void netdev_count(struct net_device *dev, u32 flag, int by);
/* Does what netdev_count() does, unless the device whose dev->id is @id has been removed. */
void netdev_count_of(struct net_device *dev, u64 id, u32 flag, int by);
/* Sets the MTU, in bytes. link_lock() is held; may sleep. Returns 0 or -EINVAL. */
int netdev_set_mtu(struct net_device *dev, u32 mtu);
/*
 * Sets a device's own link address of 6 bytes. link_lock() is held; may sleep. Returns 0,
 * -EADDRNOTAVAIL (zero or multicast) or -EOPNOTSUPP (not Ethernet).
 */
int netdev_set_address(struct net_device *dev, const u8 *mac);
/*
 * Records whether the link is up, and drops queued packets if it is not. In any context, without
 * net->lock. Does not sleep.
 */
void netdev_set_carrier(struct net_device *dev, bool on);
/*
 * Sets the alias, @len bytes of @text without a terminator. Takes net->lock. Returns 0, or -EINVAL
 * if @len is IFALIAS_MAX or more.
 */
int netdev_set_alias(struct net_device *dev, const char *text, u32 len);
/*
 * Removes a device, with its addresses, from its namespace's list, so that no lookup finds it. The
 * caller frees it a grace period later. May sleep; link_lock() is held.
 */
void netdev_unregister(struct net_device *dev);
#define IPV6_MTU_MIN 1280U
/* Returns the largest packet that IPv6 sends: conf/NAME/mtu, as far as the device allows. */
static inline u32 netdev_mtu6(const struct net_device *dev)
{
	u32 own = (u32)READ_ONCE(dev->conf.v6[CONF6_MTU]), mtu = READ_ONCE(dev->mtu);

	return own && own < mtu ? own : mtu;
}
/* Returns the operational state, an IF_OPER_*. */
u8 netdev_operstate(const struct net_device *dev);
/* Applies a change of conf/NAME/disable_ipv6 to the device. */
void netdev_ipv6_switched(struct net_device *dev);
/* An alternative name. net->lock held. */
struct altname {
	struct list_head list;
	char name[128];
};

/*
 * uevent.c: sends a uevent of a device. @old: its former name, or NULL; @synth: lines of an event
 * that a program has requested, or NULL.
 */
void netdev_uevent(
	const struct net_device *dev, const char *action, const char *old, const char *synth);
/*
 * Sends uevents of the queues of one direction, whose number changes from @from to @to. May sleep.
 */
void netdev_queue_uevents(const struct net_device *dev, bool tx, u32 from, u32 to);
/* Installs uevent_ops, by which uevents of devices without a network namespace are sent. */
void uevent_init(void);
/* Returns the number of uevents sent so far. */
u64 uevent_seqnum(void);

/* net.core.netdev_max_backlog, packets */
extern u32 netdev_max_backlog;
/*
 * Queues a packet that @dev has received (or this machine has sent to itself) on this vCPU;
 * net_rx_flush() processes it. Consumes @skb: drops it if the backlog is full. In any context.
 */
void netif_rx(struct net_device *dev, struct sk_buff *skb);
/*
 * Queues a packet that is a copy of one sent by @dev, as netif_rx() does; the copy is not counted,
 * and no tap gets it. It is dropped only by a long flush that leaves more packets than the thread
 * takes (spill_over()).
 */
void netif_loop(struct net_device *dev, struct sk_buff *skb);
/*
 * Processes the packets received on this vCPU, and the packets sent in response, and sends the
 * queued packets of its devices. Leaves the rest of a long flush to a thread, and may hold back the
 * frames of a queue that sends often (netdev_io.c). Called with no spinlock held when packets may
 * have been sent. Does not sleep. A nested call, made while packets are being processed, does
 * nothing.
 */
void net_rx_flush(void);
/*
 * Sends @skb by @dev, through its queueing discipline. Spinlocks may be held. Consumes @skb.
 * Returns 0 or -errno, such as -ENETDOWN, or -ENOBUFS for a full queue.
 */
int dev_xmit(struct net_device *dev, struct sk_buff *skb);
/*
 * Sends a packet that has passed the device's queueing discipline (sched/qdisc.h), as dev_xmit()
 * does.
 */
int netdev_xmit_now(struct net_device *dev, struct sk_buff *skb);

/* impair.c: a lossy lo for tests; not 0: lo sends by lo_impair(). */
extern int lo_impaired;
/*
 * Delivers @skb, which lo sends; at random drops, duplicates, delays or marks it, as the sysctls
 * net/nestling/... set. Consumes it. Does not sleep.
 */
void lo_impair(struct net_device *dev, struct sk_buff *skb);
/* number of taps on the machine: packets are shown while it is not 0 */
extern u32 packet_taps;
/*
 * Show @skb to AF_PACKET sockets, which keep clones: before @dev sends it, or after it was received
 * (packet_tap.c). Do not consume it.
 */
void packet_tap_out(struct net_device *dev, struct sk_buff *skb);
void packet_tap_in(struct sk_buff *skb);
/* Unbinds packet sockets that are bound to @dev, with the error ENETDOWN. */
void packet_device_gone(struct net_device *dev);

/* Receives the packets that have arrived, or has a thread do so. Called by a driver's interrupt. */
void netdev_poll(struct netdev_queue *q);
/*
 * Resumes sending: the host accepts packets again. Called by a driver's interrupt, with no spinlock
 * held.
 */
void netdev_tx_wake(struct netdev_queue *q);
/*
 * True while a vCPU is in poll() or delivers its packets. A caller that has disabled poll() and
 * then sees false knows that no packet will come. Polling ends without a worker's help, since a
 * waiter may hold the mutex that all workers wait for.
 */
bool netdev_polling(const struct netdev_queue *q);

/* ---- netdev_queues.c ---- */

/*
 * Sets up @n queues of @dev, which is not registered yet; @more has all but the first, and stays
 * the driver's (NULL: n is 1). All are used.
 */
void netdev_queues_setup(struct net_device *dev, struct netdev_queue *more, u32 n);
/*
 * Waits until no vCPU is in send() of @dev, and drops its queued packets. @dev is a card that is
 * down and whose interrupts are off, so no vCPU will enter send() again. Takes as long as a host
 * call on another vCPU. May sleep.
 */
void netdev_quiesce(struct net_device *dev);
/*
 * Makes the device send by the first @n queues only. Waiting packets move to the queues that their
 * flows have then, in order within each flow. May sleep; link.c's mutex held.
 */
void netdev_resize_tx(struct net_device *dev, u32 n);
/*
 * Sets the numbers of queues that programs see, of any device; 0: unchanged. May sleep; link.c's
 * mutex held, or the device is not published yet.
 */
void netdev_notify_queues(struct net_device *dev, u32 rx, u32 tx);
/* Returns the number of frames in the fullest of the device's queues. */
u32 netdev_tx_waiting(struct net_device *dev);
/* Adds up the counters of the device and its queues in *@s. */
void netdev_sum(const struct net_device *dev, struct netdev_stats *s);

/* ---- flow.c ---- */

/*
 * Returns a hash that is equal for all packets of a flow, in both directions; the network header,
 * of @protocol (ETH_P_*, host order), is @net bytes behind the front. Never 0.
 */
u32 flow_hash(const struct sk_buff *skb, u32 net, u16 protocol);
/*
 * Returns the hash of a frame to or from @dev; it begins with the link header, if the device has
 * one.
 */
u32 flow_of_frame(const struct net_device *dev, const struct sk_buff *skb);
/* Returns the number, below @n, of the queue that gets the flow. */
static inline u32 flow_share(u32 hash, u32 n)
{
	return (u32)((u64)hash * n >> 32);
}

/* Counters of vCPU @cpu since boot, and its number of waiting packets. */
struct net_io_counts {
	u32 processed, dropped, squeezed, waiting;
};
void net_io_counts(u32 cpu, struct net_io_counts *c);

/* ---- netdev_io.c, for netdev.c ---- */
/* Sets up the backlogs of all vCPUs, at boot. */
void netdev_io_init(void);
/* Sets up the memory of queue @index of @dev. */
void netdev_queue_init(struct netdev_queue *q, struct net_device *dev, u32 index);
/* Drops the packets in a device's queues. Takes the queues' locks. */
void netdev_purge_tx(struct net_device *dev);
/*
 * Makes each vCPU forget that a queue of the device has enough frames to be sent (backlog.full).
 * Does not wait: a vCPU that has taken the queue before is done with it after a grace period. No
 * frame may be added to the queues meanwhile.
 */
void netdev_forget_senders(const struct net_device *dev);
/*
 * Drops the packets that flushes have left (spill) for devices of @net. All these devices are down,
 * and a grace period has passed, so no packet is added.
 */
void netdev_spill_forget(const struct net *net);

/* ---- eth.c ---- */

/* Receives a frame from a card, with all bytes in the buffer, and consumes it. */
void eth_rx(struct net_device *dev, struct sk_buff *skb);
/* Puts the Ethernet header in front of @skb. @dst: 6 bytes; @protocol: ETH_P_*, host order. */
void eth_push(const struct net_device *dev, struct sk_buff *skb, const u8 *dst, u16 protocol);
/*
 * Adds the Ethernet header to @skb, as eth_push() does, and sends it. Consumes @skb. Returns 0 or
 * -errno.
 */
int eth_send(struct net_device *dev, struct sk_buff *skb, const u8 *dst, u16 protocol);
/* True for a multicast or the broadcast address. */
static inline bool eth_is_multicast(const u8 *mac)
{
	return mac[0] & 1;
}
/*
 * Parses the MAC address of a card, "xx:xx:xx:xx:xx:xx" and a zero byte. Returns 0 or -EINVAL (also
 * for multicast and zero).
 */
int eth_parse(const char *s, u8 mac[ETH_ALEN]);
/* Returns a random address that is locally administered. */
void eth_random(u8 mac[ETH_ALEN]);

#endif
