/* SPDX-License-Identifier: MIT */
/*
 * net.c: network cards, front end: eth<n> from a link of the host.
 *
 *	eth<n>=slirp[,MAC][,hostfwd=tcp|udp:[ADDR]:PORT-[ADDR]:PORT]...[,loopback=off][,ipv6=off][,mtu=N]
 *	eth<n>=tuntap[,NAME[,MAC[,IP]]]      a tap device of the host; IP is the host's end
 *	eth<n>=fd,N[,MAC]                    an inherited socket or tap device
 *	eth<n>=switch,PATH[,MAC]             `nestctl switch`
 *	eth<n>=vde,PATH[,MAC]                a switch of vde2
 *	eth<n>=mcast[,MAC[,ADDRESS[,PORT[,TTL]]]]
 *	with `optional` among the words of any kind: no card and a message, where the host does not allow it
 *
 * The command line is checked at once, links are opened by net_cards_init() (initcall level 4), which refuses to boot with one line
 * that names the parameter. Frames go in batches: a host call carries up to NET_BATCH of them. What arrives is read into buffers that
 * the card keeps; a small frame is copied out of its buffer, a large one takes the buffer along.
 *
 * When the other side goes away the card loses its link (no carrier) and asks for it again once a second.
 * Locks: none of its own. poll() and send() are called by one vCPU at a time each (netdev.h).
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "drivers/net/net_host.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/gso.h"
#include "kernel/net/net.h"
#include "kernel/net/skb.h"
#include "os-linux/os.h"

#define CARDS 16
#define RX_SLOTS 16
#define COPY_BREAK                                                                                 \
	4096U /* smaller frames are copied out, and all that would waste most of a buffer */
#define LARGE_MTU 65480U /* with headers, a frame and its buffer fill 64 KiB */
#define RETRY NSEC_PER_SEC

struct card {
	char param[12], text[1024];
	struct net_open open;
	u8 mac[ETH_ALEN];
	bool given, has_mac, optional;
	u32 mtu;
	struct net_device *dev;
	struct net_host *host;
	struct sk_buff *slots[RX_SLOTS]; /* own to poll() */
	struct outbox *outbox;           /* own to send() */
	struct ktimer retry;
	struct work reopen;
};
static struct card cards[CARDS];

/* The frames of a call of send(). */
#define OUT_PIECES (4U * NET_BATCH)
struct outbox {
	struct net_out out[NET_BATCH];
	struct net_piece pieces[OUT_PIECES];
	u8 heads[NET_BATCH][SKB_ROOM]; /* of frames that are several packets */
};

/* ---- frames ---- */

static struct card *CARD(struct net_device *dev)
{
	return dev->private;
}

/* The largest frame that may come. A tap device hands over segments that nobody has cut. */
static u32 frame_size(const struct card *c)
{
	if (c->open.kind == NET_TUNTAP || c->open.kind == NET_FD)
		return 65536 + ETH_HLEN;
	return c->dev->ops->max_mtu + ETH_HLEN;
}

static void link_lost(struct card *c)
{
	if (!c->dev->carrier)
		return;
	netdev_set_carrier(c->dev, false);
	pr_warn("%s: the other side has gone\n", c->dev->name);
	timer_start(&c->retry, ktime_get() + RETRY);
}

/* Buffers for the next frames: how many, in order. */
static int fill_slots(struct card *c, struct net_in *in, u32 most)
{
	int n = 0;

	for (; n < (int)most; n++) {
		struct sk_buff **s = &c->slots[n];

		if (!*s)
			*s = skb_alloc(frame_size(c), GFP_ATOMIC);
		if (!*s)
			break;
		in[n] = (struct net_in){ .data = skb_payload(*s), .size = frame_size(c) };
	}
	return n;
}

/* In a multicast group everybody hears himself. */
static bool own_echo(const struct card *c, const struct sk_buff *skb, u32 len)
{
	return c->open.kind == NET_MCAST && len >= ETH_HLEN &&
	       !memcmp(skb_payload(skb) + ETH_ALEN, c->dev->addr, ETH_ALEN);
}

static void receive(struct card *c, struct sk_buff **slot, const struct net_in *in)
{
	struct sk_buff *skb = *slot;
	u32 len = in->len;

	if (own_echo(c, skb, min(len, in->size)))
		return;
	if (len > frame_size(c)) {
		c->dev->stats.rx_errors++;
		return;
	}
	if (len < max(COPY_BREAK, frame_size(c) / 4)) {
		skb = skb_alloc(max(len, 1U), GFP_ATOMIC);
		if (!skb) {
			c->dev->stats.rx_dropped++;
			return;
		}
		memcpy(skb_payload(skb), skb_payload(*slot), len);
	} else {
		*slot = NULL;
	}
	skb->len = len;
	skb->csum_ok = in->csum_ok;
	eth_rx(c->dev, skb);
}

static u32 card_poll(struct net_device *dev, u32 budget)
{
	struct card *c = CARD(dev);
	struct net_in in[RX_SLOTS];
	u32 done = 0;

	while (done < budget) {
		int n = fill_slots(c, in, min(budget - done, (u32)RX_SLOTS)), got;

		if (!n) { /* no memory: try again soon */
			timer_start(&c->retry, ktime_get() + RETRY / 100);
			return 0;
		}
		got = net_host_recv(c->host, in, n);
		if (got < 0) {
			link_lost(c);
			return done;
		}
		for (int i = 0; i < got; i++)
			receive(c, &c->slots[i], &in[i]);
		done += (u32)got;
		if (got < n)
			return min(done, budget - 1);
	}
	return done;
}

/* The frame that begins with @first: its pieces from @pieces on, of which @room are free. */
static void make_frame(struct card *c, const struct list_head *queue, const struct sk_buff *first,
	struct net_out *out, struct net_piece *pieces, u32 room)
{
	u8 *head = c->outbox->heads[out - c->outbox->out];
	struct gso_frame f = { .packets = 1, .head_len = skb_headlen(first) };

	if (c->dev->csum_out)
		gso_join(queue, first, min(room, (u32)NET_PIECES), head, &f);
	*out = (struct net_out){
		.head = f.packets > 1 ? head : first->room + first->head,
		.pieces = pieces,
		.head_len = f.head_len,
		.csum_start = f.csum_start,
		.seg = f.seg,
		.v6 = f.v6,
		.packets = f.packets,
	};
	for (u32 i = 0; i < f.packets; i++, first = list_next_entry(first, list))
		if (first->len)
			pieces[out->nr_pieces++] =
				(struct net_piece){ skb_payload(first), first->len };
}

/* The first packets of the queue, as the host wants them. */
static int gather(struct card *c, const struct list_head *queue)
{
	const struct sk_buff *skb = list_first_entry(queue, struct sk_buff, list);
	u32 used = 0;
	int n = 0;

	while (&skb->list != queue && n < NET_BATCH && used < OUT_PIECES) {
		struct net_out *out = &c->outbox->out[n++];

		make_frame(c, queue, skb, out, c->outbox->pieces + used, OUT_PIECES - used);
		used += out->nr_pieces;
		for (u32 i = 0; i < out->packets; i++)
			skb = list_next_entry(skb, list);
	}
	return n;
}

/* The first @n packets have gone. */
static void drop_first(struct list_head *queue, u32 n)
{
	while (n--) {
		struct sk_buff *skb = list_first_entry(queue, struct sk_buff, list);

		list_del_init(&skb->list);
		kfree_skb(skb);
	}
}

static u32 card_send(struct net_device *dev, struct list_head *queue)
{
	struct card *c = CARD(dev);
	u32 done = 0;
	int n, sent;

	do {
		n = gather(c, queue);
		sent = n ? net_host_send(c->host, c->outbox->out, n) : 0;
		for (int i = 0; i < sent; i++) {
			drop_first(queue, c->outbox->out[i].packets);
			done += c->outbox->out[i].packets;
		}
	} while (n && sent == n);
	return done;
}

static void card_irq(void *arg)
{
	struct card *c = arg;

	if (!c->dev)
		return;
	if (c->dev->tx_stopped)
		netdev_tx_wake(c->dev);
	netdev_poll(c->dev);
}

#define CARD_OPS(name)                                                                             \
	{                                                                                          \
		.driver = name, .qdisc = "pfifo_fast", .max_mtu = LARGE_MTU, .send = card_send,    \
		.poll = card_poll                                                                  \
	}
static const struct netdev_ops card_ops[] = {
	[NET_SLIRP] = CARD_OPS("slirp"),
	[NET_TUNTAP] = CARD_OPS("tuntap"),
	[NET_FD] = CARD_OPS("fd"),
	[NET_SWITCH] = CARD_OPS("switch"),
	[NET_VDE] = CARD_OPS("vde"),
	[NET_MCAST] = CARD_OPS("mcast"),
};

/* ---- the other side comes back ---- */

static void retry_now(struct ktimer *t)
{
	struct card *c = container_of(t, struct card, retry);

	if (c->dev->carrier)
		netdev_poll(c->dev);
	else
		work_queue(&c->reopen);
}

static void reopen(struct work *w)
{
	struct card *c = container_of(w, struct card, reopen);

	if (net_host_reopen(c->host)) {
		timer_start(&c->retry, ktime_get() + RETRY);
		return;
	}
	netdev_set_carrier(c->dev, true);
	pr_info("%s: the link is back\n", c->dev->name);
}

/* ---- the command line ---- */

/* The MTU when none is given: where all sides are ours, as large as it can be. */
static const u32 default_mtu[] = {
	[NET_SLIRP] = LARGE_MTU,
	[NET_TUNTAP] = ETH_DATA_LEN,
	[NET_FD] = ETH_DATA_LEN,
	[NET_SWITCH] = LARGE_MTU,
	[NET_VDE] = ETH_DATA_LEN,
	[NET_MCAST] = ETH_DATA_LEN,
};

static int find_kind(const char *name, size_t len)
{
	for (u32 i = 0; i < ARRAY_SIZE(card_ops); i++)
		if (strlen(card_ops[i].driver) == len && !strncmp(card_ops[i].driver, name, len))
			return (int)i;
	return -1;
}

/* The words that the front end itself knows are taken out; the rest is the link's. */
static void parse_words(struct card *c, char *words)
{
	static char rest[CARDS][sizeof(c->text)];
	char *to = rest[c - cards], *word;
	size_t used = 0;

	to[0] = 0;
	while ((word = strsep(&words, ","))) {
		u64 mtu;

		if (!*word)
			continue;
		if (strlen(word) == 17 && word[2] == ':' && word[5] == ':' && !c->has_mac) {
			if (eth_parse(word, c->mac))
				refuse("%s: %s is not the address of a card", c->param, word);
			c->has_mac = true;
			continue;
		}
		if (!strcmp(word, "optional")) {
			c->optional = true;
			continue;
		}
		if (!strncmp(word, "mtu=", 4)) {
			if (kstrtou64(word + 4, 10, &mtu) || mtu < 576 || mtu > LARGE_MTU)
				refuse("%s: %s: wants 576 to %u", c->param, word, LARGE_MTU);
			c->mtu = (u32)mtu;
			if (c->open.kind != NET_SLIRP)
				continue;
		}
		used += scnprintf(to + used, sizeof(rest[0]) - used, "%s%s", used ? "," : "", word);
	}
	c->open.args = to;
}

static int eth_setup(const char *s)
{
	const char *eq = strchr(s, '=');
	struct card *c;
	size_t len;
	u64 n = 0;
	int kind;

	if (!eq || eq == s)
		refuse("eth%s: wants eth<n>=KIND[,...]", s);
	for (const char *p = s; p < eq; p++) {
		if (*p < '0' || *p > '9')
			refuse("eth%s: wants eth<n>=KIND[,...]", s);
		n = min(n * 10 + (u64)(*p - '0'), 1000UL);
	}
	if (n >= CARDS)
		refuse("eth%s: no such card: there are eth0 to eth%d", s, CARDS - 1);
	c = &cards[n];
	scnprintf(c->param, sizeof(c->param), "eth%lu", n);
	len = strcspn(eq + 1, ",");
	kind = find_kind(eq + 1, len);
	if (kind < 0)
		refuse("%s=%s: unknown kind of network; slirp, tuntap, fd, switch, vde and mcast "
		       "are known",
			c->param, eq + 1);
	if (strscpy(c->text, eq + 1 + len, sizeof(c->text)) < 0)
		refuse("%s: longer than %zu bytes", c->param, sizeof(c->text));
	c->open.kind = (u32)kind;
	c->has_mac = c->optional = false;
	c->mtu = 0;
	parse_words(c, c->text);
	if (net_host_check(&c->open) && !c->optional)
		refuse("%s: %s", c->param, c->open.err);
	c->given = true;
	return 0;
}
PARAM_DEV("eth", eth_setup,
	"eth<n>=slirp[,hostfwd=tcp:127.0.0.1:8080-:80]|tuntap,NAME|fd,N|switch,PATH|vde,PATH|mcast "
	" network card n");

/* ---- boot ---- */

static int start_card(struct card *c)
{
	struct net_device *dev = netdev_alloc(&card_ops[c->open.kind], ARPHRD_ETHER);
	int err;

	if (!dev)
		return -ENOMEM;
	c->outbox = kmalloc(sizeof(*c->outbox), GFP_KERNEL);
	if (!c->outbox) {
		kfree(dev);
		return -ENOMEM;
	}
	if (!c->has_mac)
		eth_random(c->mac);
	memcpy(dev->addr, c->mac, ETH_ALEN);
	dev->mtu = c->mtu ? c->mtu : default_mtu[c->open.kind];
	dev->private = c;
	timer_setup(&c->retry, retry_now);
	work_setup(&c->reopen, reopen);
	c->open.irq = irq_register(c->param, card_irq, c);
	if (c->open.irq < 0)
		return c->open.irq;
	err = net_host_check(&c->open);
	if (!err)
		err = net_host_open(&c->open);
	if (err) {
		const char *why = c->open.err[0] ? c->open.err : os_strerror(err);

		if (!c->optional)
			refuse("%s: %s", c->param, why);
		pr_warn("%s: no network: %s\n", c->param, why);
		irq_unregister(c->open.irq);
		kfree(c->outbox);
		kfree(dev);
		return 0;
	}
	if (c->open.note[0])
		pr_notice("%s: %s\n", c->param, c->open.note);
	c->host = c->open.host;
	dev->csum_out = c->open.offload;
	err = netdev_register(&init_net, dev, c->param);
	if (err)
		return err;
	WRITE_ONCE(c->dev, dev);
	timer_start(&c->retry, ktime_get()); /* frames that came before found nobody */
	return 0;
}

static int net_cards_init(void)
{
	for (u32 i = 0; i < CARDS; i++) {
		int err = cards[i].given ? start_card(&cards[i]) : 0;

		if (err)
			return err;
	}
	return 0;
}
INITCALL(4, net_cards_init);
