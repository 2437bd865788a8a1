/* SPDX-License-Identifier: MIT */
/*
 * ports_group.c: groups of sockets of one user that share a port (SO_REUSEPORT) at one address and
 * device. The hash of a flow chooses a member, always the same one while the group does not change;
 * or a BPF program chooses it by its index. Members that prefer the packets of the current CPU
 * (SO_INCOMING_CPU) come before others. The choice takes constant time; among members by CPU, the
 * time of a binary search.
 *
 * A member is a candidate for packets while it listens, or has no peer. The array of candidates has
 * room for all members, so a member that becomes a candidate again always finds room. The last
 * member takes the place of one that leaves, as on Linux.
 * Locks: table->lock.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/inet/ports.h"

#define GROUP_MIN 4
#define GROUP_MOST 32768 /* as on Linux */

struct reuse_group {
	u32 members, room;
	/* number of candidates in `all`; each stores its index plus 1 (group_at) */
	u32 n;
	u32 wanting;            /* number in `by_cpu` */
	struct inet_sock **all; /* one allocation with `by_cpu` behind it */
	/* candidates that prefer a CPU's packets, sorted by CPU (group_cpu) */
	struct inet_sock **by_cpu;
	struct sk_filter *program; /* BPF program, NULL: none */
};

/* ---- joining and leaving ---- */

static int make_room(struct reuse_group *g)
{
	u32 room = max(g->room * 2, (u32)GROUP_MIN);
	struct inet_sock **all;

	if (g->members < g->room)
		return 0;
	all = room > GROUP_MOST ? NULL :
				  kmalloc(2UL * room * sizeof(*all), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!all)
		return -ENOMEM;
	memcpy(all, g->all, g->n * sizeof(*all));
	memcpy(all + room, g->by_cpu, g->wanting * sizeof(*all));
	kfree(g->all);
	g->all = all;
	g->by_cpu = all + room;
	g->room = room;
	return 0;
}

static bool may_join(const struct inet_sock *i, const struct inet_sock *o)
{
	return o->in.group && o->lport == i->lport && o->net == i->net && o->uid == i->uid &&
	       o->v6 == i->v6 && o->opts.v6only == i->opts.v6only && o->bound_if == i->bound_if &&
	       ip_equal(&o->laddr, &i->laddr);
}

static struct reuse_group *find_group(const struct inet_sock *i)
{
	struct inet_sock *o;

	hlist_for_each_entry(o, place_bucket(i->table, i->net, &i->laddr, i->lport), in.place.node)
		if (may_join(i, o))
			return o->in.group;
	return NULL;
}

static void free_group(struct reuse_group *g)
{
	filter_put(g->program);
	kfree(g->all);
	kfree(g);
}

static int join(struct inet_sock *i, struct reuse_group *g)
{
	int err = g ? make_room(g) : -ENOMEM;

	if (err)
		return err;
	g->members++;
	i->in.group = g;
	return 0;
}

static int begin(struct inet_sock *i)
{
	struct reuse_group *g = kzalloc(sizeof(*g), GFP_ATOMIC | __GFP_ACCOUNT);
	int err = join(i, g);

	if (err)
		kfree(g);
	return err;
}

int group_enter(struct inet_sock *i)
{
	struct reuse_group *g = find_group(i);

	assert_spin_held(&i->table->lock);
	if (!g || g == i->in.group)
		return i->in.group ? 0 : begin(i);
	if (i->in.group)
		group_leave(i);
	return join(i, g);
}

void group_leave(struct inet_sock *i)
{
	struct reuse_group *g = i->in.group;

	group_withdraw(i);
	i->in.group = NULL;
	if (!--g->members)
		free_group(g);
}

void ports_drop_group(struct inet_sock *i)
{
	if (likely(!i->in.group))
		return;
	spin_lock(&i->table->lock);
	group_leave(i);
	spin_unlock(&i->table->lock);
}

/* ---- candidates ---- */

/* Returns the first index of by_cpu whose socket prefers CPU @cpu or a higher one. */
static u32 first_for(const struct reuse_group *g, int cpu)
{
	u32 low = 0, high = g->wanting;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (g->by_cpu[mid]->in.group_cpu < cpu)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void begin_wanting(struct inet_sock *i)
{
	struct reuse_group *g = i->in.group;
	u32 at;

	i->in.group_cpu = i->c.rare.cpu_wanted ? READ_ONCE(i->c.rare.incoming_cpu) : -1;
	if (likely(i->in.group_cpu < 0))
		return;
	at = first_for(g, i->in.group_cpu);
	memmove(g->by_cpu + at + 1, g->by_cpu + at, (g->wanting - at) * sizeof(*g->by_cpu));
	g->by_cpu[at] = i;
	g->wanting++;
}

static void end_wanting(struct inet_sock *i)
{
	struct reuse_group *g = i->in.group;
	u32 at;

	if (likely(i->in.group_cpu < 0))
		return;
	at = first_for(g, i->in.group_cpu);
	while (g->by_cpu[at] != i)
		at++;
	g->wanting--;
	memmove(g->by_cpu + at, g->by_cpu + at + 1, (g->wanting - at) * sizeof(*g->by_cpu));
	i->in.group_cpu = -1;
}

void group_offer(struct inet_sock *i)
{
	struct reuse_group *g = i->in.group;

	g->all[g->n++] = i;
	i->in.group_at = g->n;
	begin_wanting(i);
}

void group_withdraw(struct inet_sock *i)
{
	struct reuse_group *g = i->in.group;
	struct inet_sock *last;

	if (!i->in.group_at)
		return;
	end_wanting(i);
	last = g->all[--g->n];
	last->in.group_at = i->in.group_at;
	g->all[i->in.group_at - 1] = last;
	i->in.group_at = 0;
}

/* ---- choosing ---- */

static u32 below(u32 hash, u32 n)
{
	return (u32)((u64)hash * n >> 32);
}

struct inet_sock *group_pick(const struct reuse_group *g, u32 hash)
{
	int cpu = smp_processor_id();
	u32 from = 0, to = 0;

	if (unlikely(g->wanting)) {
		from = first_for(g, cpu);
		to = first_for(g, cpu + 1);
	}
	return to > from ? g->by_cpu[from + below(hash, to - from)] : g->all[below(hash, g->n)];
}

struct inet_sock *group_ask(const struct reuse_group *g, const struct sk_buff *skb, u32 skip)
{
	struct filter_view v = {
		.skb = skb,
		.back = -(s32)skip,
		.net = -(s32)(skb_network_back(skb) + skip),
	};
	u32 at;

	if (likely(!g->program))
		return NULL;
	at = sock_filter_view(g->program, &v, skb_len(skb) - skip);
	return at < g->n ? g->all[at] : NULL;
}

/* ---- programs ---- */

static int set_program(struct inet_sock *i, struct sk_filter *f)
{
	int err;

	if (!i->c.reuseport)
		return -EINVAL;
	if (!f && !(i->in.group && i->in.group->program))
		return -ENOENT;
	if (!i->in.group && port_is_placed(i))
		return -EINVAL; /* the socket is bound, but in no group */
	err = i->in.group ? 0 : begin(i);
	if (err)
		return err;
	filter_put(i->in.group->program);
	i->in.group->program = filter_get(f);
	i->in.own_group |= !i->in.in_table;
	return 0;
}

int inet_reuse_program(struct inet_sock *i, struct sk_filter *f)
{
	int err;

	spin_lock(&i->table->lock);
	err = set_program(i, f);
	spin_unlock(&i->table->lock);
	filter_put(f);
	return err;
}
