/* SPDX-License-Identifier: MIT */
/*
 * pmtu.c: path MTUs that ICMP has reported (RFC 1191, 8201): a small table, in which a new entry
 * replaces the one that expires first. The caller of pmtu_learn() has checked that the message is
 * about a packet that a socket of this machine may have sent.
 *
 * Lock: pmtu_lock (spin).
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/inet/frag.h"

#define ENTRIES 64
#define MIN6 1280U

struct pmtu {
	/* NULL: the entry is unused; compared, never dereferenced */
	const struct net *net;
	ip_addr dst;
	u32 mtu;
	u64 until;
};

static DEFINE_SPINLOCK(pmtu_lock);
static struct pmtu table[ENTRIES]; /* under pmtu_lock */
static u32 used;

static struct pmtu *find(const struct net *net, const ip_addr *dst)
{
	for (u32 i = 0; i < ENTRIES; i++)
		if (table[i].net == net && ip_equal(&table[i].dst, dst))
			return &table[i];
	return NULL;
}

static struct pmtu *oldest(void)
{
	struct pmtu *o = &table[0];

	for (u32 i = 1; i < ENTRIES; i++)
		if (table[i].until < o->until)
			o = &table[i];
	return o;
}

static u64 life_of(const struct net *net, const ip_addr *dst)
{
	int s = READ_ONCE(*(ip_is_v4(dst) ? &net->ipv4.mtu_expires : &net->ipv6.mtu_expires));

	return (u64)max(s, 0) * NSEC_PER_SEC;
}

void pmtu_learn(struct net *net, const ip_addr *dst, u32 mtu)
{
	struct pmtu *p;

	mtu = max(mtu, ip_is_v4(dst) ? (u32)READ_ONCE(net->ipv4.min_pmtu) : MIN6);
	spin_lock(&pmtu_lock);
	p = find(net, dst);
	if (!p || p->until <= ktime_get() || mtu < p->mtu) {
		if (!p)
			p = oldest();
		*p = (struct pmtu){ net, *dst, mtu, ktime_get() + life_of(net, dst) };
		WRITE_ONCE(used, 1);
	}
	spin_unlock(&pmtu_lock);
}

u32 pmtu_of(struct net *net, const ip_addr *dst, u32 mtu)
{
	const struct pmtu *p;

	if (likely(!READ_ONCE(used)))
		return mtu;
	spin_lock(&pmtu_lock);
	p = find(net, dst);
	if (p && p->until > ktime_get())
		mtu = min(mtu, p->mtu);
	spin_unlock(&pmtu_lock);
	return mtu;
}
