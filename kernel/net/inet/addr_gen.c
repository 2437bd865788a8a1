/* SPDX-License-Identifier: MIT */
/*
 * addr_gen.c: generates the interface identifier of an IPv6 address, as conf/NAME/addr_gen_mode
 * demands: from the MAC address (RFC 4291, appendix A), or with a secret (RFC 7217). With a secret,
 * the identifier is constant in a network and differs between networks, so the machine cannot be
 * tracked from one network to the next.
 *
 *     addr_gen(dev, prefix, tries, &a)   @tries: how many earlier addresses were duplicates
 *
 * The secret is the device's own (conf/NAME/stable_secret), or the namespace's ("default"). The
 * mode "random" generates one for the device.
 * Locks: net->lock for writing secrets, and for reading all words of one.
 */
#include <asm/errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/siphash.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netname.h"

static ip_addr by_mac(const struct net_device *dev, const ip_addr *prefix)
{
	const u8 *m = dev->addr;
	u8 id[8] = { m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5] };
	ip_addr a = { { prefix->w[0], prefix->w[1] } };

	memcpy(&a.w[2], id, 8);
	return a;
}

/* True for an identifier that RFC 5453 reserves: the subnet-router and other anycast addresses. */
static bool is_reserved(const ip_addr *a)
{
	u32 high = ntohl(a->w[2]), low = ntohl(a->w[3]);

	return (!high && !low) || (high == 0x02005eff && low >> 24 == 0xfe) ||
	       (high == 0xfdffffff && low >= 0xffffff80);
}

/* Copies the secret for addresses of @dev to *@s. Returns true if there is one. net->lock held. */
static bool find_secret(const struct net_device *dev, struct addr_secret *s)
{
	*s = dev->conf.secret.set ? dev->conf.secret : dev->net->conf_default.secret;
	return s->set;
}

static ip_addr by_secret(
	const struct net_device *dev, const ip_addr *prefix, const struct addr_secret *s, u32 tries)
{
	u64 words[3] = { 0 }, id;
	ip_addr a;

	do {
		memcpy(&words[0], prefix, 8);
		memcpy(&words[1], dev->addr, ETH_ALEN);
		words[2] = tries++;
		id = siphash(s->key, words, ARRAY_SIZE(words));
		a = (ip_addr){ { prefix->w[0], prefix->w[1] } };
		memcpy(&a.w[2], &id, 8);
	} while (is_reserved(&a));
	return a;
}

void addr_gen(struct net_device *dev, const ip_addr *prefix, u32 tries, struct ifaddr *a)
{
	int mode = CONF6(dev, CONF6_ADDR_GEN_MODE);
	struct addr_secret s = { .set = false };

	netdev_lock_net(dev);
	if (mode == IN6_ADDR_GEN_MODE_RANDOM && !dev->conf.secret.set) {
		arch_random(dev->conf.secret.key, sizeof(s.key));
		dev->conf.secret.set = true;
	}
	if (mode == IN6_ADDR_GEN_MODE_STABLE_PRIVACY || mode == IN6_ADDR_GEN_MODE_RANDOM)
		find_secret(dev, &s);
	spin_unlock(&dev->net->lock);
	a->flags = s.set ? IFA_F_STABLE_PRIVACY : 0;
	a->addr = s.set ? by_secret(dev, prefix, &s, tries) : by_mac(dev, prefix);
}

bool addr_gen_may(const struct net_device *dev, int mode)
{
	struct addr_secret s;

	return mode != IN6_ADDR_GEN_MODE_STABLE_PRIVACY || find_secret(dev, &s);
}

/* ---- parsing an IPv6 address (RFC 4291, 2.2; without the dotted IPv4 form) ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

/*
 * Reads a group of up to four hex digits at *@text and moves *@text behind it. Returns the group's
 * value, or -1 if there are no digits, or more than four.
 */
static int take_group(const char **text)
{
	int v = 0, n = 0;

	for (; hex(**text) >= 0 && n < 5; n++)
		v = v << 4 | hex(*(*text)++);
	return n && n < 5 ? v : -1;
}

/*
 * Reads all groups that are written out. *@gap: how many of them precede the "::", or -1 without
 * one. Returns the number of groups, or -1 for an invalid text.
 */
static int take_groups(const char *text, u16 *group, int *gap)
{
	int n = 0;

	*gap = -1;
	if (text[0] == ':' && text[1] != ':')
		return -1;
	while (*text) {
		int v;

		if (text[0] == ':' && text[1] == ':') {
			if (*gap >= 0)
				return -1;
			*gap = n;
			text += 2;
			if (!*text)
				break;
		} else if (n) {
			if (*text++ != ':')
				return -1;
		}
		v = n < 8 ? take_group(&text) : -1;
		if (v < 0)
			return -1;
		group[n++] = (u16)v;
	}
	return *gap < 0 ? (n == 8 ? n : -1) : (n < 8 ? n : -1);
}

static bool parse(const char *text, u8 *out)
{
	int gap, n;
	u16 group[8];

	n = take_groups(text, group, &gap);
	if (n < 0)
		return false;
	memset(out, 0, 16);
	for (int i = 0; i < n; i++) {
		int at = gap < 0 || i < gap ? i : 8 - n + i;

		out[2 * at] = (u8)(group[i] >> 8);
		out[2 * at + 1] = (u8)group[i];
	}
	return true;
}

/* ---- conf/NAME/stable_secret ---- */

/*
 * Finds the settings of a device or of "default". Returns NULL if there is no such device, and for
 * "all", which has no secret. net->lock held.
 */
static struct netconf *conf_of(struct net *net, const char *name)
{
	struct net_device *d;

	if (!strcmp(name, "default"))
		return &net->conf_default;
	d = strcmp(name, "all") ? netdev_by_name(net, name) : NULL;
	return d ? &d->conf : NULL;
}

int addr_secret_show(struct seq *s, void *arg)
{
	const struct netname *n = arg;
	struct net *net = current_net();
	struct addr_secret secret = { .set = false };
	const struct netconf *c;
	const u8 *p = (const u8 *)secret.key;

	spin_lock(&net->lock);
	c = conf_of(net, n->name);
	if (c)
		secret = c->secret;
	spin_unlock(&net->lock);
	if (!secret.set)
		return -EIO;
	for (u32 i = 0; i < 16; i += 2)
		seq_printf(s, "%s%02x%02x", i ? ":" : "", p[i], p[i + 1]);
	seq_puts(s, "\n");
	return 0;
}

/*
 * Sets the secret for addresses that are generated later. The secret of "default" serves all
 * devices without a secret of their own.
 */
int addr_secret_store(char *text, size_t n, void *arg)
{
	const struct netname *name = arg;
	struct addr_secret secret = { .set = true };
	struct net *net = current_net();
	struct net_device *d;
	struct netconf *c;

	text[strcspn(text, " \t\n")] = 0;
	if (!parse(text, (u8 *)secret.key))
		return -EIO;
	spin_lock(&net->lock);
	c = conf_of(net, name->name);
	if (c)
		c->secret = secret;
	list_for_each_entry(d, &net->devs.list, list)
		if (c == &d->conf || c == &net->conf_default)
			d->conf.v6[CONF6_ADDR_GEN_MODE] = IN6_ADDR_GEN_MODE_STABLE_PRIVACY;
	spin_unlock(&net->lock);
	return c ? 0 : -EIO;
}
