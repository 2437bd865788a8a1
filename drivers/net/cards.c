/* SPDX-License-Identifier: MIT */
/*
 * cards.c: adds and removes network cards: eth<n> on the command line, and commands of the
 * management console while the instance runs.
 *
 *      eth<n>=slirp[,MAC][,hostfwd=tcp|udp:[ADDR]:PORT-[ADDR]:PORT]...
 *             [,loopback=off][,names=dotted][,ipv6=off][,mtu=N]
 *      eth<n>=tuntap[,NAME[,MAC[,IP]]][,queues=N]   a tap device of the host; IP is the host's end
 *      eth<n>=fd,N[:M...][,MAC]                     an inherited socket or tap device; several
 *                                                   descriptors are its queues
 *      eth<n>=switch,PATH[,MAC]                     `nestctl switch`
 *      eth<n>=vde,PATH[,MAC]                        a switch of vde2
 *      eth<n>=mcast[,MAC[,ADDRESS[,PORT[,TTL]]]]
 * With the word `optional`, a link that the host does not allow is no error: the boot continues
 * with a message and without the card.
 *
 * The command line is checked at once. net_cards_init() (initcall level 4) opens the links; on
 * failure it refuses to boot with one line that names the parameter. `uml_mconsole UMID config
 * eth1=slirp` checks and opens at once. `remove eth1` removes the card as if its cable and then the
 * card were pulled, even if the device is up, renamed or in another namespace.
 *
 * After a removal the card's device is gone from its namespace (down, no carrier, announced by
 * RTM_DELLINK and a uevent), its host descriptors are closed, and its interrupt is free. Only the
 * device's memory stays, for the next card of that number. A restored instance opens the links that
 * the parameters name for its cards; a card without a parameter opens the link that it had. A card
 * keeps its MAC address, unless the parameter gives another. A card that only the parameters name
 * is added. Locks: cards_lock (adding and removing cards), which is taken before link_mutex.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/mconsole.h"
#include "drivers/net/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/link/link.h"
#include "kernel/sched/lock.h"
#include "kernel/state/state.h"
#include "os-linux/os.h"

#define CARDS 16
/* how often a port that is taken is tried again at the boot, and the pause in ns */
#define PORT_TRIES 20
#define PORT_PAUSE (50 * NSEC_PER_MSEC)

static struct card cards[CARDS];
static DEFINE_MUTEX(cards_lock);

/* ---- words of a parameter ---- */

/* Default MTU: as large as possible on links where both ends are programs of this project. */
static const u32 default_mtu[CARD_KINDS] = {
	[NET_SLIRP] = LARGE_MTU,
	[NET_TUNTAP] = ETH_DATA_LEN,
	[NET_FD] = ETH_DATA_LEN,
	[NET_SWITCH] = LARGE_MTU,
	[NET_VDE] = ETH_DATA_LEN,
	[NET_MCAST] = ETH_DATA_LEN,
};

static const char unknown_kind[] =
	"unknown kind of network; slirp, tuntap, fd, switch, vde and mcast are known";

static int find_kind(const char *name, size_t len)
{
	for (u32 i = 0; i < CARD_KINDS; i++)
		if (strlen(card_ops[i].driver) == len && !strncmp(card_ops[i].driver, name, len))
			return (int)i;
	return -1;
}

/*
 * Parses a word. Returns 1 if only the front end needs it, 0 if the link needs it (slirp needs
 * mtu=, too), or -EINVAL.
 */
static int parse_word(struct card *c, const char *word, char *err, size_t size)
{
	u64 n;

	if (strlen(word) == 17 && word[2] == ':' && word[5] == ':' && !c->has_mac) {
		if (eth_parse(word, c->mac))
			return invalid(err, size, "%s is not the address of a card", word);
		c->has_mac = true;
		return 1;
	}
	if (!strcmp(word, "optional")) {
		c->optional = true;
		return 1;
	}
	if (!strncmp(word, "queues=", 7)) {
		if (kstrtou64(word + 7, 10, &n) || !n || n > NET_QUEUES)
			return invalid(err, size, "%s: expected 1 to %u", word, NET_QUEUES);
		c->open.queues = (u32)n;
		return 1;
	}
	if (strncmp(word, "mtu=", 4) != 0)
		return 0;
	if (kstrtou64(word + 4, 10, &n) || n < 576 || n > LARGE_MTU)
		return invalid(err, size, "%s: expected 576 to %u", word, LARGE_MTU);
	c->mtu = (u32)n;
	return c->open.kind != NET_SLIRP;
}

/* Parses the words of the front end, and stores the others in c->rest for the link. */
static int parse_words(struct card *c, char *words, char *err, size_t size)
{
	size_t used = 0;
	char *word;

	c->rest[0] = 0;
	while ((word = strsep(&words, ","))) {
		int known = *word ? parse_word(c, word, err, size) : 1;

		if (known < 0)
			return known;
		if (!known)
			used += scnprintf(c->rest + used, sizeof(c->rest) - used, "%s%s",
				used ? "," : "", word);
	}
	c->open.args = c->rest;
	c->open.value = c->text;
	return 0;
}

/* Parses "slirp,...". Returns 0, or -EINVAL with a message in @err. Opens nothing. */
static int parse_card(struct card *c, u32 n, const char *value, char *err, size_t size)
{
	size_t len = strcspn(value, ",");
	int kind = find_kind(value, len), bad;
	static char words[sizeof(c->text)]; /* protected by cards_lock, or used at boot */

	scnprintf(c->param, sizeof(c->param), "eth%u", n);
	if (kind < 0)
		return invalid(err, size, "%.*s: %s", (int)min(len, 100UL), value, unknown_kind);
	if (strscpy(c->text, value, sizeof(c->text)) < 0)
		return invalid(err, size, "longer than %zu bytes", sizeof(c->text));
	c->open.kind = (u32)kind;
	c->open.queues = 0;
	c->has_mac = c->optional = false;
	c->mtu = 0;
	strscpy(words, value + len, sizeof(words));
	bad = parse_words(c, words, err, size);
	if (bad)
		return bad;
	if (net_host_check(&c->open) && !c->optional)
		return invalid(err, size, "%s", c->open.err);
	c->given = true;
	return 0;
}

/* Applies new parameters to a card of a restored instance. */
static void change_link(struct card *c, u32 n, const char *value)
{
	static struct card fresh;
	char err[300];

	fresh = (struct card){ .given = true };
	if (parse_card(&fresh, n, value, err, sizeof(err)))
		refuse("eth%u: %s", n, err);
	if (!strcmp(fresh.text, c->text))
		return;
	if (fresh.open.queues != c->open.queues)
		refuse("eth%u=%.200s: the saved card has %u queues", n, value, c->open.queues);
	strscpy(c->text, fresh.text, sizeof(c->text));
	strscpy(c->rest, fresh.rest, sizeof(c->rest));
	c->open.kind = fresh.open.kind;
	c->dev->ops = &card_ops[c->open.kind];
	c->optional = fresh.optional;
	c->anew = true;
	/*
	 * Only a new address in the parameters counts, since the guest may have changed the old
	 * one.
	 */
	c->new_mac = fresh.has_mac && (!c->has_mac || memcmp(fresh.mac, c->mac, ETH_ALEN));
	if (c->new_mac)
		memcpy(c->mac, fresh.mac, ETH_ALEN);
	c->has_mac = c->has_mac || fresh.has_mac;
}

static int eth_setup(const char *s)
{
	const char *eq = strchr(s, '=');
	char err[300];
	u64 n = 0;

	if (!eq || eq == s)
		refuse("eth%s: expected eth<n>=KIND[,...]", s);
	for (const char *p = s; p < eq; p++) {
		if (*p < '0' || *p > '9')
			refuse("eth%s: expected eth<n>=KIND[,...]", s);
		n = min(n * 10 + (u64)(*p - '0'), 1000UL);
	}
	if (n >= CARDS)
		refuse("eth%s: no such card: there are eth0 to eth%d", s, CARDS - 1);
	if (find_kind(eq + 1, strcspn(eq + 1, ",")) < 0)
		refuse("eth%lu=%.200s: %s", n, eq + 1, unknown_kind);
	if (cards[n].dev)
		change_link(&cards[n], (u32)n, eq + 1);
	else if (parse_card(&cards[n], (u32)n, eq + 1, err, sizeof(err)))
		refuse("eth%lu: %s", n, err);
	return 0;
}
PARAM_DEV("eth", eth_setup,
	"eth<n>=slirp[,hostfwd=tcp:127.0.0.1:8080-:80]|tuntap,NAME|fd,N|switch,PATH|vde,PATH|mcast "
	" network card n");

/* ---- adding ---- */

/* Makes the device of @c, reusing the memory of an earlier device if possible. NULL on failure. */
static struct net_device *new_device(struct card *c)
{
	const struct netdev_ops *ops = &card_ops[c->open.kind];
	struct net_device *dev = c->memory;

	if (!dev)
		c->memory = dev = netdev_alloc(ops, ARPHRD_ETHER);
	else
		netdev_init(dev, ops, ARPHRD_ETHER);
	if (!dev)
		return NULL;
	if (c->open.queues > 1 && !c->more)
		c->more = kcalloc(NET_QUEUES - 1, sizeof(*c->more), GFP_KERNEL);
	if (c->open.queues > 1 && !c->more)
		return NULL;
	netdev_queues_setup(dev, c->open.queues > 1 ? c->more : NULL, c->open.queues);
	if (!c->has_mac)
		eth_random(c->mac);
	memcpy(dev->addr, c->mac, ETH_ALEN);
	dev->mtu = c->mtu ? c->mtu : default_mtu[c->open.kind];
	dev->private = c;
	return dev;
}

static void free_queues(struct card *c)
{
	for (u32 i = 0; c->q && i < c->open.queues; i++) {
		for (u32 k = 0; k < RX_SLOTS; k++)
			kfree_skb(c->q[i].slots[k]);
		kfree(c->q[i].outbox);
	}
	kfree(c->q);
	c->q = NULL;
}

static int new_queues(struct card *c)
{
	c->q = kcalloc(c->open.queues, sizeof(*c->q), GFP_KERNEL);
	for (u32 i = 0; c->q && i < c->open.queues; i++) {
		struct card_queue *q = &c->q[i];

		q->card = c;
		scnprintf(
			q->name, sizeof(q->name), c->open.queues > 1 ? "%s-%u" : "%s", c->param, i);
		q->outbox = kmalloc(sizeof(*q->outbox), GFP_KERNEL);
		if (!q->outbox) {
			free_queues(c);
			break;
		}
	}
	return c->q ? 0 : -ENOMEM;
}

/* Closes the queues 0 to @n - 1, the last one first. */
static void close_links(struct card *c, u32 n)
{
	for (u32 i = n; i--;) {
		irq_unregister(c->q[i].irq);
		net_host_close(c->q[i].host);
		c->q[i].host = 0;
	}
}

static int open_queue(struct card *c, u32 index)
{
	struct card_queue *q = &c->q[index];
	int bad;

	q->irq = irq_register(q->name, card_irq, q);
	if (q->irq < 0)
		return q->irq;
	c->open.irq = q->irq;
	bad = index ? net_host_open_queue(&c->open, c->q[0].host, index) : net_host_open(&c->open);
	if (bad)
		irq_unregister(q->irq);
	else
		q->host = c->open.host;
	return bad;
}

static int open_links(struct card *c, char *err, size_t size)
{
	int bad = 0;
	u32 n = 0;

	c->open.err[0] = c->open.note[0] = 0;
	bad = net_host_check(&c->open);
	for (; !bad && n < c->open.queues; n += !bad)
		bad = open_queue(c, n);
	if (bad) {
		invalid(err, size, "%s", c->open.err[0] ? c->open.err : os_strerror(bad));
		close_links(c, n);
	}
	return bad;
}

/* Starts a card. Returns 0, or -errno with a message in @err. */
static int card_start(struct card *c, char *err, size_t size)
{
	struct net_device *dev = new_device(c);
	int bad = dev ? new_queues(c) : -ENOMEM;

	err[0] = 0;
	if (bad)
		return bad;
	card_link_setup(c);
	bad = open_links(c, err, size);
	if (bad)
		goto err_free;
	if (c->open.note[0])
		pr_notice("%s: %s\n", c->param, c->open.note);
	dev->csum_out = c->open.offload;
	bad = netdev_register(&init_net, dev, c->param, 0);
	if (bad) {
		invalid(err, size, "a device of this name is there");
		goto err_close;
	}
	WRITE_ONCE(c->dev, dev);
	timer_start(&c->retry, ktime_get()); /* polls for frames that came before this */
	return 0;
err_close:
	close_links(c, c->open.queues);
err_free:
	free_queues(c);
	return bad;
}

/* ---- removing ---- */

static void card_stop(struct card *c)
{
	struct net_device *dev = c->dev;

	WRITE_ONCE(c->leaving, true);
	netdev_set_carrier(dev, false);
	link_pull_out(dev);
	card_link_end(c);
	for (u32 i = 0; i < c->open.queues; i++)
		irq_unregister(c->q[i].irq);
	card_link_end(c);
	netdev_quiesce(dev);
	for (u32 i = c->open.queues; i--;)
		net_host_close(c->q[i].host);
	free_queues(c);
	WRITE_ONCE(c->dev, NULL);
	c->given = false;
}

/* ---- commands of the management console ---- */

static int eth_config(u32 n, const char *args, char *err, size_t size)
{
	struct card *c = &cards[n];
	int bad;

	mutex_lock(&cards_lock);
	if (c->dev) {
		mutex_unlock(&cards_lock);
		invalid(err, size, "is there already; remove it first");
		return -EEXIST;
	}
	bad = parse_card(c, n, args, err, size);
	if (!bad)
		bad = card_start(c, err, size);
	c->given = !bad;
	mutex_unlock(&cards_lock);
	return bad;
}

static int eth_query(u32 n, char *text, size_t size)
{
	struct card *c = &cards[n];
	int err = 0;

	mutex_lock(&cards_lock);
	if (c->dev)
		strscpy(text, c->text, size);
	else
		err = -ENODEV;
	mutex_unlock(&cards_lock);
	return err;
}

static int eth_remove(u32 n, char *err, size_t size)
{
	struct card *c = &cards[n];
	int bad = 0;

	mutex_lock(&cards_lock);
	if (c->dev)
		card_stop(c);
	else
		bad = -ENODEV;
	mutex_unlock(&cards_lock);
	return bad;
}

static struct mconsole_device eth_device = {
	.name = "eth",
	.numbers = CARDS,
	.config = eth_config,
	.query = eth_query,
	.remove = eth_remove,
};

/* ---- boot ---- */

/* Writes a failure whose cause the user can fix to standard error. @card: the parameter. */
static void report_failure(const char *card, const char *why, const char *advice)
{
	char line[500];

	scnprintf(line, sizeof(line), "nestling: %s: no network: %s%s\n", card, why, advice);
	os_write_stderr(line, strlen(line));
}

/*
 * Starts a card. While another process has its port, tries again for a second of the host: where a
 * machine restarts, the helper of its last kernel may still be ending. Returns as card_start().
 */
static int start_patiently(struct card *c, char *err, size_t size)
{
	int bad;

	for (u32 i = 0; (bad = card_start(c, err, size)) == -EADDRINUSE && i < PORT_TRIES; i++)
		os_sleep_until(os_clock_mono() + PORT_PAUSE);
	return bad;
}

/* Starts a card that the parameters name. */
static void add_card(struct card *c)
{
	char err[300];
	int bad = start_patiently(c, err, sizeof(err));

	if (!bad)
		return;
	if (!c->optional)
		refuse("%s: %s", c->param, err[0] ? err : os_strerror(bad));
	pr_warn("%s: no network: %s\n", c->param, err[0] ? err : os_strerror(bad));
	if (bad == -ELIBACC)
		report_failure(c->param, err, "");
	else if (bad == -EADDRINUSE)
		report_failure(c->param, err, "; when it is free, restart the guest");
	c->given = false;
}

static int net_cards_init(void)
{
	mconsole_register(&eth_device);
	net_host_setup();
	for (u32 i = 0; i < CARDS; i++)
		if (cards[i].given)
			add_card(&cards[i]);
	return 0;
}
INITCALL(4, net_cards_init);

/* ---- save and restore ---- */

static int rebuild(const char *dir, struct state_why *why)
{
	net_host_setup();
	for (u32 i = 0; i < CARDS; i++) {
		struct card *c = &cards[i];
		char err[300] = "";
		int bad = 0;

		if (c->dev)
			bad = card_link_restore(c, err, sizeof(err));
		else if (c->given)
			net_host_begin(&c->open);
		if (bad && (bad == -EEXIST || bad == -ENOMEM || (c->anew && !c->optional))) {
			scnprintf(why->text, sizeof(why->text), "%s: %s", c->param, err);
			return bad;
		}
		if (bad)
			pr_warn("%s: no network: %s\n", c->param, err);
	}
	return 0;
}

static void resumed(void)
{
	mutex_lock(&cards_lock);
	for (u32 i = 0; i < CARDS; i++) {
		struct card *c = &cards[i];

		if (c->dev && c->new_mac)
			netdev_set_address(c->dev, c->mac);
		if (c->dev)
			card_link_resume(c);
		else if (c->given)
			add_card(c);
		/* only cards that exist: writing to all would take pages of a state's memory */
		if (c->dev)
			c->anew = c->new_mac = false;
	}
	net_host_drop_begun();
	mutex_unlock(&cards_lock);
}

/* Refuses a later rollback if a card has an inherited descriptor, which cannot be opened again. */
static bool note(void)
{
	for (u32 i = 0; i < CARDS; i++)
		if (cards[i].dev && cards[i].open.kind == NET_FD)
			return false;
	return true;
}

/*
 * Drops the connections, which are newer than the state; the links are reopened as after a restore.
 */
static int go_back(const char *dir, struct state_why *why)
{
	for (u32 i = 0; i < CARDS; i++)
		for (u32 k = 0; cards[i].dev && k < cards[i].open.queues; k++)
			net_host_drop(cards[i].q[k].host);
	return 0;
}

/* Records that go_back() has dropped the links, which resumed() opens again. */
static void returned(void)
{
	for (u32 i = 0; i < CARDS; i++)
		if (cards[i].dev)
			WRITE_ONCE(cards[i].lost, 1);
}

STATE_PART(net_state) = {
	.name = "net",
	.returned = returned,
	.rebuild = rebuild,
	.resumed = resumed,
	.note = note,
	.go_back = go_back,
};
