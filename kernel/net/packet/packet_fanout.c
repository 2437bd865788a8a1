/* SPDX-License-Identifier: MIT */
/*
 * packet_fanout.c: PACKET_FANOUT (packet(7)): sockets that tap the same packets form a group, and
 * each packet goes to one of them.
 *
 *     group   made by its first member -> members join and leave -> freed with the last
 *     member  joined -> in the array, while it is a tap (packet_look()) -> left when it is closed
 *
 * A group has a number in its namespace. A socket that joins must tap the device and protocol of
 * the first member, and request the group's mode of sharing. The mode selects the member that gets
 * a packet: by the packet's flow, in turn, by vCPU or queue, at random, by a program
 * (PACKET_FANOUT_CBPF, _EBPF), or by the room in its queue. With PACKET_FANOUT_FLAG_ROLLOVER
 * another member gets the packet if the selected one has no room.
 * Locks: group_op (mutex, inside the socket's op) for making and ending groups, joining and
 * leaving; packet_taps_lock for lists and counts.
 */
#include <asm/errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/packet/packet.h"
#include "kernel/sched/sched.h"

#define FLAG_ROLLOVER PACKET_FANOUT_FLAG_ROLLOVER
#define FLAG_UNIQUEID PACKET_FANOUT_FLAG_UNIQUEID
#define FLAG_IGNORE_OUTGOING 0x4000 /* missing in older headers */
#define FLAG_DEFRAG PACKET_FANOUT_FLAG_DEFRAG
#define MEMBERS_MAX 65536U
#define MEMBERS_DEFAULT 256U
#define RECENT 16U /* flows that a member remembers */

struct packet_fanout {
	/* in groups; under group_op, like the members below */
	struct list_head list;
	u32 members; /* number of members, taps or not */
	u32 room;    /* entries of array */

	/* immutable */
	struct net *net;
	/* unique among all groups since boot */
	u64 serial;
	u16 id, flags;
	u8 type;
	u32 most;
	u16 proto;
	int ifindex;

	/* under packet_taps_lock */
	struct packet_sock **array;
	u32 listed, turn;
	struct sk_filter *prog;
};

/* The sockets to which packets of a member roll over, and the counts of these packets. */
struct packet_rollover {
	struct tpacket_rollover_stats n;
	/* index of the socket that had room last */
	u32 at;
	u32 recent[RECENT];
};

static LIST_HEAD(groups);
static u64 serials; /* under group_op */
static DEFINE_MUTEX(group_op);

/* ---- fragments ---- */

static bool is_fragment(const struct sk_buff *all, u32 link)
{
	struct iphdr h;

	if (all->protocol != ETH_P_IP || skb_len(all) < link + sizeof(h))
		return false;
	skb_copy(all, link, &h, sizeof(h));
	return h.version == 4 && h.frag_off & htons(0x3fff);
}

struct sk_buff *packet_fanout_whole(
	struct packet_fanout *f, struct sk_buff *all, struct list_head *dead)
{
	u32 link = packet_link_len(all->pkt.hatype);
	struct sk_buff *c, *whole;

	if (!(f->flags & FLAG_DEFRAG) || !is_fragment(all, link))
		return all;
	c = skb_clone(all, GFP_ATOMIC);
	if (!c)
		return NULL;
	skb_pull(c, link);
	if (!ip_parse_v4(c)) {
		list_add_tail(&c->list, dead);
		return all;
	}
	whole = ip_defrag_for(f->net, f->serial, c, dead);
	if (!whole)
		return NULL;
	whole->pkt = all->pkt;
	if (link)
		skb_copy(all, 0, skb_push(whole, link), link);
	return whole;
}

/* ---- room ---- */

enum { ROOM_NONE, ROOM_LOW, ROOM_NORMAL };

static int room_of(struct packet_sock *p, u32 size)
{
	s64 left;
	int room;

	spin_lock(&p->q_lock);
	if (p->ring) {
		room = !packet_ring_has_room(p->ring, 0) ? ROOM_NONE :
		       packet_ring_has_room(p->ring, 4)  ? ROOM_NORMAL :
							   ROOM_LOW;
	} else {
		left = (s64)p->c.rcvbuf - p->rmem - size;
		room = left > p->c.rcvbuf / 4 ? ROOM_NORMAL : left > 0 ? ROOM_LOW : ROOM_NONE;
	}
	spin_unlock(&p->q_lock);
	return room;
}

/*
 * True if most of the last packets of the member are of this flow. Its packets may then roll over,
 * so that it does not crowd out the other flows.
 */
static bool is_huge(struct packet_rollover *r, u32 hash)
{
	u32 n = 0, victim;

	for (u32 i = 0; i < RECENT; i++)
		n += r->recent[i] == hash;
	arch_random(&victim, sizeof(victim));
	r->recent[victim % RECENT] = hash;
	return n > RECENT / 2;
}

/*
 * Returns the index of a socket with room for the packet of the member @index. @self: that member
 * may be chosen itself.
 */
static u32 roll_over(
	struct packet_fanout *f, const struct sk_buff *skb, u32 net, u32 index, bool self)
{
	struct packet_sock *p = f->array[index];
	u32 size = skb_truesize(skb), i, from;
	struct packet_rollover *r = p->rollover;
	int room = ROOM_NONE;

	if (self) {
		room = room_of(p, size);
		if (room == ROOM_NORMAL ||
			(room == ROOM_LOW && !is_huge(r, flow_hash(skb, net, skb->protocol))))
			return index;
	}
	from = i = min(r->at, f->listed - 1);
	do {
		if ((!self || i != index) && room_of(f->array[i], size) == ROOM_NORMAL) {
			r->at = i;
			r->n.tp_all++;
			r->n.tp_huge += room == ROOM_LOW;
			return i;
		}
		i = (i + 1) % f->listed;
	} while (i != from);
	r->n.tp_failed++;
	return index;
}

/* ---- which member gets a packet ---- */

/*
 * Runs the group's program. Its view begins with the network header of an incoming packet, and with
 * the link header of an outgoing one.
 */
static u32 by_program(const struct packet_fanout *f, const struct sk_buff *skb, u32 net)
{
	u32 skip = skb->pkt_type == PKT_OUTGOING ? 0 : net;
	struct filter_view v = {
		.skb = skb, .back = -(s32)skip, .net = (s32)(net - skip), .pkt_type = skb->pkt_type
	};

	return f->prog ? sock_filter_view(f->prog, &v, skb_len(skb) - skip) : 0;
}

static u32 index_of(struct packet_fanout *f, const struct sk_buff *skb, u32 net)
{
	u32 n = f->listed, r;

	switch (f->type) {
	case PACKET_FANOUT_HASH: return flow_share(flow_hash(skb, net, skb->protocol), n);
	case PACKET_FANOUT_LB: return ++f->turn % n;
	case PACKET_FANOUT_CPU: return (u32)smp_processor_id() % n;
	case PACKET_FANOUT_ROLLOVER: return roll_over(f, skb, net, 0, false);
	case PACKET_FANOUT_RND: arch_random(&r, sizeof(r)); return r % n;
	case PACKET_FANOUT_CBPF:
	case PACKET_FANOUT_EBPF: return by_program(f, skb, net) % n;
	}
	return skb->queue % n; /* PACKET_FANOUT_QM */
}

struct packet_sock *packet_fanout_pick(struct packet_fanout *f, struct sk_buff *skb, u32 net)
{
	u32 index = index_of(f, skb, net);

	if (f->flags & FLAG_ROLLOVER)
		index = roll_over(f, skb, net, index, true);
	return f->array[index];
}

bool packet_fanout_is_first(const struct packet_sock *p)
{
	return p->fanout->array[0] == p;
}

/* True if the group gets a packet that @owner has sent: if @owner is not a member. */
bool packet_fanout_wants_sent(const struct packet_fanout *f, const void *owner)
{
	if (f->flags & FLAG_IGNORE_OUTGOING)
		return false;
	for (u32 i = 0; i < f->listed; i++)
		if (f->array[i] == owner)
			return false;
	return true;
}

void packet_fanout_listen(struct packet_sock *p, bool on)
{
	struct packet_fanout *f = p->fanout;

	if (on) {
		f->array[f->listed++] = p;
		return;
	}
	for (u32 i = 0; i < f->listed; i++) {
		if (f->array[i] != p)
			continue;
		f->array[i] = f->array[--f->listed];
		return;
	}
}

/* ---- joining ---- */

static struct packet_fanout *find(const struct net *net, u16 id)
{
	struct packet_fanout *f;

	list_for_each_entry(f, &groups, list)
		if (f->net == net && f->id == id)
			return f;
	return NULL;
}

static int new_id(const struct net *net, u16 *id)
{
	for (u32 i = 0; i < MEMBERS_MAX; i++) {
		if (!find(net, (u16)i)) {
			*id = (u16)i;
			return 0;
		}
	}
	return -ENOMEM;
}

static struct packet_fanout *make(struct packet_sock *p, const struct fanout_args *a)
{
	struct packet_fanout *f;

	if (a->max_num_members > MEMBERS_MAX)
		return ERR_PTR(-EINVAL);
	f = kzalloc(sizeof(*f), GFP_KERNEL | __GFP_ACCOUNT);
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->net = p->c.net;
	f->serial = ++serials;
	f->id = a->id;
	f->type = (u8)a->type_flags;
	f->flags = a->type_flags & 0xff00;
	f->most = a->max_num_members ? a->max_num_members : MEMBERS_DEFAULT;
	f->proto = p->proto;
	f->ifindex = p->ifindex;
	list_add_tail(&f->list, &groups);
	return f;
}

static void drop(struct packet_fanout *f)
{
	if (f->members)
		return;
	list_del(&f->list);
	filter_put(f->prog);
	kfree(f->array);
	kfree(f);
}

/* Makes room in the array for one more member. Returns 0 or -errno. */
static int grow(struct packet_fanout *f)
{
	u32 room = f->room ? 2 * f->room : 4;
	struct packet_sock **array, **old;

	if (f->members < f->room)
		return 0;
	array = kcalloc(room, sizeof(*array), GFP_KERNEL);
	if (!array)
		return -ENOMEM;
	spin_lock(&packet_taps_lock);
	old = f->array;
	if (old)
		memcpy(array, old, f->listed * sizeof(*array));
	f->array = array;
	f->room = room;
	spin_unlock(&packet_taps_lock);
	kfree(old);
	return 0;
}

static int add(struct packet_fanout *f, struct packet_sock *p)
{
	int err;

	if (f->members >= f->most)
		return -ENOSPC;
	err = grow(f);
	if (err)
		return err;
	f->members++;
	spin_lock(&packet_taps_lock);
	p->fanout = f;
	if (p->running)
		packet_fanout_listen(p, true);
	spin_unlock(&packet_taps_lock);
	return 0;
}

static bool fits(
	const struct packet_fanout *f, const struct packet_sock *p, const struct fanout_args *a)
{
	return f->type == (u8)a->type_flags && f->flags == (a->type_flags & 0xff00) &&
	       (!a->max_num_members || a->max_num_members == f->most) && p->running &&
	       f->proto == p->proto && f->ifindex == p->ifindex;
}

static int join(struct packet_sock *p, struct fanout_args *a)
{
	struct packet_fanout *f;
	int err;

	if (a->type_flags & FLAG_UNIQUEID) {
		err = a->id ? -EINVAL : new_id(p->c.net, &a->id);
		if (err)
			return err;
		a->type_flags &= (u16)~FLAG_UNIQUEID;
	}
	f = find(p->c.net, a->id);
	if (!f)
		f = make(p, a);
	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	err = fits(f, p, a) ? add(f, p) : -EINVAL;
	drop(f);
	return err;
}

int packet_fanout_join(struct packet_sock *p, uaddr_t val, u32 len)
{
	struct fanout_args a = { 0 };
	u8 type;
	int err;

	if (len != sizeof(int) && len != sizeof(a))
		return -EINVAL;
	if (copy_from_user(&a, val, len))
		return -EFAULT;
	type = (u8)a.type_flags;
	if (type > PACKET_FANOUT_EBPF ||
		(type == PACKET_FANOUT_ROLLOVER && a.type_flags & FLAG_ROLLOVER))
		return -EINVAL;
	if (p->fanout)
		return -EALREADY;
	if (!p->rollover && (type == PACKET_FANOUT_ROLLOVER || a.type_flags & FLAG_ROLLOVER)) {
		p->rollover = kzalloc(sizeof(*p->rollover), GFP_KERNEL | __GFP_ACCOUNT);
		if (!p->rollover)
			return -ENOMEM;
	}
	mutex_lock(&group_op);
	err = join(p, &a);
	mutex_unlock(&group_op);
	if (err) {
		kfree(p->rollover);
		p->rollover = NULL;
	}
	return err;
}

void packet_fanout_leave(struct packet_sock *p)
{
	struct packet_fanout *f = p->fanout;

	if (f) {
		mutex_lock(&group_op);
		spin_lock(&packet_taps_lock);
		packet_fanout_listen(p, false);
		p->fanout = NULL;
		spin_unlock(&packet_taps_lock);
		f->members--;
		drop(f);
		mutex_unlock(&group_op);
	}
	kfree(p->rollover);
	p->rollover = NULL;
}

/* ---- the other options ---- */

u32 packet_fanout_get(const struct packet_sock *p)
{
	const struct packet_fanout *f = p->fanout;

	return f ? f->id | (u32)f->type << 16 | (u32)f->flags << 16 : 0;
}

static struct sk_filter *read_program(u8 type, uaddr_t val, u32 len)
{
	int fd;

	if (type == PACKET_FANOUT_CBPF)
		return filter_read(val, len);
	if (type != PACKET_FANOUT_EBPF || len != sizeof(fd))
		return ERR_PTR(-EINVAL);
	return copy_from_user(&fd, val, sizeof(fd)) ? ERR_PTR(-EFAULT) : filter_extended(fd);
}

int packet_fanout_data(struct packet_sock *p, uaddr_t val, u32 len)
{
	struct packet_fanout *f = p->fanout;
	struct sk_filter *prog, *old;

	if (!f || (f->type != PACKET_FANOUT_CBPF && f->type != PACKET_FANOUT_EBPF))
		return -EINVAL;
	if (p->c.rare.filter_locked)
		return -EPERM;
	prog = read_program(f->type, val, len);
	if (IS_ERR(prog))
		return (int)PTR_ERR(prog);
	spin_lock(&packet_taps_lock);
	old = f->prog;
	f->prog = prog;
	spin_unlock(&packet_taps_lock);
	filter_put(old);
	return 0;
}

int packet_rollover_stats(const struct packet_sock *p, void *val, u32 *len)
{
	/*
	 * Does not take op: the rollover of a socket exists as long as it is in a group, and is
	 * freed only if joining a group fails.
	 */
	if (!READ_ONCE(p->fanout) || !p->rollover)
		return -EINVAL;
	*len = min(*len, (u32)sizeof(p->rollover->n));
	memcpy(val, &p->rollover->n, *len);
	return 0;
}
