/* SPDX-License-Identifier: MIT */
/*
 * tcp_ecn.c: explicit congestion notification (RFC 3168): a router marks a packet that it would
 * have dropped otherwise. The receiver echoes the mark, and the sender slows down as for a loss,
 * but retransmits nothing.
 *
 *     SYN with ECE and CWR  -> ASKED; a SYN-ACK with ECE alone -> OK, on both sides
 *     a packet marked CE    -> DEMAND: our acknowledgements have ECE until a segment with CWR comes
 *     an ACK with ECE       -> cwnd is cut, once a round trip; QUEUED: the next new data has CWR
 *
 * Only new data is sent as ECN-capable (section 6.1.5). net.ipv4.tcp_ecn: 0 never, 1 ask for it, 2
 * only when the peer asks. With tcp_ecn_fallback a retransmitted SYN does not ask, since some
 * middleboxes drop SYNs that do. c.lock is held throughout.
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define ECN_MASK 3
#define ECN_CAPABLE 2 /* ECT(0) */
#define ECN_MARKED 3  /* CE */

void tcp_ecn_asked(struct tcp_sock *t, const struct sk_buff *syn)
{
	bool asks = (syn->tcp.flags & (TH_ECE | TH_CWR)) == (TH_ECE | TH_CWR);

	if (asks && tcp_net(t)->ecn && !(syn->ip.tos & ECN_MASK))
		t->cc.ecn |= TCP_ECN_OK;
}

void tcp_ecn_answered(struct tcp_sock *t, const struct sk_buff *synack)
{
	bool agrees = (synack->tcp.flags & (TH_ECE | TH_CWR)) == TH_ECE;

	t->cc.ecn = t->cc.ecn & TCP_ECN_ASKED && agrees ? TCP_ECN_OK : 0;
	t->cc.ecn_high = t->snd.iss;
}

static u8 on_syn(struct tcp_sock *t, u8 flags)
{
	if (flags & TH_ACK)
		return t->cc.ecn & TCP_ECN_OK ? TH_ECE : 0;
	if (tcp_net(t)->ecn != 1 || (t->timers.retries && READ_ONCE(tcp_net(t)->ecn_fallback))) {
		t->cc.ecn = 0;
		return 0;
	}
	t->cc.ecn = TCP_ECN_ASKED;
	return TH_ECE | TH_CWR;
}

u8 tcp_ecn_out(struct tcp_sock *t, struct sk_buff *skb)
{
	u8 flags = skb->tcp.flags;

	if (unlikely(flags & TH_SYN)) {
		skb->tcp.flags |= on_syn(t, flags);
		return 0;
	}
	if (likely(!(t->cc.ecn & TCP_ECN_OK)) || flags & TH_RST)
		return 0;
	if (t->cc.ecn & TCP_ECN_DEMAND)
		skb->tcp.flags |= TH_ECE;
	if (!skb->len || skb->tcp.sent)
		return 0;
	if (t->cc.ecn & TCP_ECN_QUEUED)
		skb->tcp.flags |= TH_CWR;
	t->cc.ecn &= (u8)~TCP_ECN_QUEUED;
	return ECN_CAPABLE;
}

/*
 * Cuts cwnd for an ACK with ECE, at most once for the data in flight, unless recovery from a loss
 * has cut it already.
 */
static void echoed(struct tcp_sock *t)
{
	if (before(t->snd.una, t->cc.ecn_high))
		return;
	t->cc.ecn_high = t->snd.nxt;
	t->cc.ecn |= TCP_ECN_QUEUED;
	if (t->loss.ca == CA_OPEN)
		tcp_reduce(t);
}

void tcp_ecn_in(struct tcp_sock *t, const struct sk_buff *skb)
{
	u8 mark = skb->ip.tos & ECN_MASK;

	if (likely(!(t->cc.ecn & TCP_ECN_OK)))
		return;
	if (skb->tcp.flags & TH_ECE)
		echoed(t);
	if (skb->tcp.flags & TH_CWR)
		t->cc.ecn &= (u8)~TCP_ECN_DEMAND;
	if (!mark || !skb_len(skb))
		return;
	t->cc.ecn |= TCP_ECN_SEEN;
	if (mark == ECN_MARKED) {
		t->cc.ecn |= TCP_ECN_DEMAND;
		t->ack.now = true;
	}
}
