/* SPDX-License-Identifier: MIT */
/*
 * core.c: the hook functions of a namespace, by hook, family and priority; netfilter.h shows where
 * the hooks are.
 *
 * Each list is an immutable array. A change publishes a new array, and frees the old one after a
 * grace period, so packets need no lock. net->nf.hooks has a bit for each list that is not empty.
 * Locks: nf_mutex for registering and unregistering functions.
 */
#include <asm/errno.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/sched/lock.h"

#define HOOKS_MAX 1024U /* most functions of a list */

struct nf_hooks {
	struct rcu_head rcu;
	u32 n;
	struct nf_hook_ops ops[];
};

static DEFINE_MUTEX(nf_mutex);

#define NAT_LISTS (2 * NF_INET_NUMHOOKS) /* index of the first NAT list */

static u32 index_of(u8 hook, bool v6)
{
	return hook + (v6 ? NF_INET_NUMHOOKS : 0);
}

static u32 index_of_ops(const struct nf_hook_ops *ops)
{
	return index_of(ops->hook, ops->v6) + (ops->nat ? NAT_LISTS : 0);
}

static void hooks_free(struct rcu_head *h)
{
	kfree(container_of(h, struct nf_hooks, rcu));
}

/* Replaces a list by @now and frees the old array after a grace period. nf_mutex held. */
static void publish(struct net *net, u32 at, struct nf_hooks *now)
{
	struct nf_hooks *old = net->nf.lists[at];

	smp_store_release(&net->nf.lists[at], now);
	if (at < NAT_LISTS && now)
		set_bit(at, &net->nf.hooks);
	else if (at < NAT_LISTS)
		clear_bit(at, &net->nf.hooks);
	if (old)
		call_rcu(&old->rcu, hooks_free);
}

int nf_register(struct net *net, const struct nf_hook_ops *ops)
{
	u32 at = index_of_ops(ops), n, i = 0;
	struct nf_hooks *old, *now = NULL;
	bool full;

	mutex_lock(&nf_mutex);
	old = net->nf.lists[at];
	n = old ? old->n : 0;
	full = n >= HOOKS_MAX;
	if (!full)
		now = kmalloc(sizeof(*now) + (n + 1) * sizeof(*ops), GFP_KERNEL | __GFP_ACCOUNT);
	if (now) {
		now->n = n + 1;
		for (; i < n && old->ops[i].priority <= ops->priority; i++)
			now->ops[i] = old->ops[i];
		now->ops[i] = *ops;
		for (; i < n; i++)
			now->ops[i + 1] = old->ops[i];
		publish(net, at, now);
	}
	mutex_unlock(&nf_mutex);
	return now ? 0 : full ? -E2BIG : -ENOMEM;
}

static bool same(const struct nf_hook_ops *a, const struct nf_hook_ops *b)
{
	return a->fn == b->fn && a->priv == b->priv && a->priority == b->priority;
}

/* Removes a function. The allocation of the new array cannot fail. */
void nf_unregister(struct net *net, const struct nf_hook_ops *ops)
{
	u32 at = index_of_ops(ops), i = 0;
	struct nf_hooks *old, *now = NULL;

	mutex_lock(&nf_mutex);
	old = net->nf.lists[at];
	while (old && i < old->n && !same(&old->ops[i], ops))
		i++;
	if (old && i < old->n) {
		if (old->n > 1) {
			now = kmalloc(sizeof(*now) + (old->n - 1) * sizeof(*ops),
				GFP_KERNEL | __GFP_NOFAIL);
			now->n = old->n - 1;
			for (u32 k = 0, to = 0; k < old->n; k++)
				if (k != i)
					now->ops[to++] = old->ops[k];
		}
		publish(net, at, now);
	}
	mutex_unlock(&nf_mutex);
}

int nf_register_both(struct net *net, const struct nf_hook_ops *all, u32 n)
{
	int err = 0;

	for (u32 i = 0; i < 2 * n && !err; i++) {
		struct nf_hook_ops ops = all[i / 2];

		ops.v6 = i & 1;
		err = nf_register(net, &ops);
	}
	if (err)
		nf_unregister_both(net, all, n);
	return err;
}

void nf_unregister_both(struct net *net, const struct nf_hook_ops *all, u32 n)
{
	for (u32 i = 0; i < 2 * n; i++) {
		struct nf_hook_ops ops = all[i / 2];

		ops.v6 = i & 1;
		nf_unregister(net, &ops);
	}
}

int nf_hook(struct net *net, u8 hook, struct sk_buff *skb, struct net_device *in,
	struct net_device *out)
{
	struct nf_state s = { net, skb, in, out, hook, skb->protocol == ETH_P_IPV6,
		skb->is_copy ? NFT_WORK_MAX - NFT_WORK_COPY : 0, 0, false };
	const struct nf_hooks *h = smp_load_acquire(&net->nf.lists[index_of(hook, s.v6)]);

	for (u32 i = 0; h && i < h->n; i++) {
		u32 verdict = h->ops[i].fn(&s, h->ops[i].priv);

		if (likely(verdict == NF_ACCEPT))
			continue;
		if (verdict != NF_STOLEN)
			kfree_skb(skb);
		return -EPERM;
	}
	return 0;
}

u32 nf_run_nat_chains(struct nf_state *s, const u32 *done, u32 bit)
{
	const struct nf_hooks *h =
		smp_load_acquire(&s->net->nf.lists[index_of(s->hook, s->v6) + NAT_LISTS]);
	u32 verdict = NF_ACCEPT;

	for (u32 i = 0; h && i < h->n && verdict == NF_ACCEPT && !(*done & bit); i++)
		verdict = h->ops[i].fn(s, h->ops[i].priv);
	return verdict;
}

void nf_net_end(struct net *net)
{
	nft_net_end(net);
	synchronize_rcu(); /* waits for packets inside hooks */
	nf_ct_net_end(net);
	for (u32 i = 0; i < ARRAY_SIZE(net->nf.lists); i++)
		kfree(net->nf.lists[i]);
	memset(net->nf.lists, 0, sizeof(net->nf.lists));
	net->nf.hooks = 0;
}

/* ---- changing packets ---- */

u8 *nf_writable(struct sk_buff *skb, u32 n)
{
	u8 tmp[SKB_ROOM];

	if (n <= skb_headlen(skb))
		return skb->room + skb->head;
	if (!skb_headlen(skb) && atomic_read(&skb->buf->refs) == 1)
		return skb_payload(skb);
	BUG_ON(n > SKB_ROOM || n > skb_len(skb));
	skb_copy(skb, 0, tmp, n);
	skb_pull(skb, n);
	skb->head = SKB_ROOM;
	skb->mac_len = 0;
	return memcpy(skb_push(skb, n), tmp, n);
}

bool nf_write(struct sk_buff *skb, u32 at, const void *from, u32 n)
{
	if (at + n <= SKB_ROOM - 32) {
		memcpy(nf_writable(skb, at + n) + at, from, n);
		return true;
	}
	if (!skb_own_payload(skb))
		return false;
	skb_write(skb, at, from, n);
	return true;
}

void nf_fix_sum(struct sk_buff *skb, u32 at, u32 delta, bool udp)
{
	u16 sum;

	if (at > skb_len(skb) || skb_len(skb) - at < 2)
		return;
	skb_copy(skb, at, &sum, 2);
	if (udp && !sum)
		return;
	sum = nf_csum_apply(sum, delta);
	if (udp && !sum)
		sum = 0xffff;
	nf_write(skb, at, &sum, 2);
}

void nf_fill_checksum(struct sk_buff *skb)
{
	bool v4 = skb->protocol == ETH_P_IP;
	const struct iphdr *h4;
	const struct ipv6hdr *h6;
	u8 tmp[60], proto;
	u32 hlen = v4 ? 20 : 40, at, len;
	ip_addr saddr, daddr;
	u16 sum;

	if (skb_len(skb) < hlen)
		return;
	h4 = skb_header(skb, hlen, tmp);
	h6 = (const struct ipv6hdr *)h4;
	proto = v4 ? h4->protocol : h6->nexthdr;
	if (v4) {
		hlen = h4->ihl * 4U;
		saddr = ip_v4(h4->saddr);
		daddr = ip_v4(h4->daddr);
	} else {
		memcpy(&saddr, &h6->saddr, 16);
		memcpy(&daddr, &h6->daddr, 16);
	}
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return;
	at = hlen + (proto == IPPROTO_TCP ? 16 : 6);
	if (skb_len(skb) < at + 2)
		return;
	len = skb_len(skb) - hlen;
	memset(nf_writable(skb, at + 2) + at, 0, 2);
	sum = csum_fold(skb_sum(skb, hlen, len, csum_pseudo(&saddr, &daddr, proto, len)));
	if (!sum && proto == IPPROTO_UDP)
		sum = 0xffff;
	memcpy(nf_writable(skb, at + 2) + at, &sum, 2);
}
