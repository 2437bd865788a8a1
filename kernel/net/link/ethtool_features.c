/* SPDX-License-Identifier: MIT */
/*
 * ethtool_features.c: the names of offloads (ETH_SS_FEATURES), and which of them are on (ethtool
 * -k, NetworkManager). No offload can be switched: what is on depends on the link that carries the
 * card's frames. Names and meanings: ethtool(8).
 */
#include <asm/errno.h>
#include <linux/ethtool.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/net/link/ethtool.h"
#include "kernel/net/net.h"
#include "kernel/ident/cred.h"

#define NAMES 64U
#define WORDS (NAMES / 32)

/* In Linux's order; programs look them up by name. */
static const char *const names[NAMES] = {
	[0] = "tx-scatter-gather",
	[1] = "tx-checksum-ipv4",
	[3] = "tx-checksum-ip-generic",
	[4] = "tx-checksum-ipv6",
	[5] = "highdma",
	[6] = "tx-scatter-gather-fraglist",
	[7] = "tx-vlan-hw-insert",
	[8] = "rx-vlan-hw-parse",
	[9] = "rx-vlan-filter",
	[10] = "vlan-challenged",
	[11] = "tx-generic-segmentation",
	[14] = "rx-gro",
	[15] = "rx-lro",
	[16] = "tx-tcp-segmentation",
	[17] = "tx-gso-robust",
	[18] = "tx-tcp-ecn-segmentation",
	[19] = "tx-tcp-mangleid-segmentation",
	[20] = "tx-tcp6-segmentation",
	[21] = "tx-fcoe-segmentation",
	[22] = "tx-gre-segmentation",
	[23] = "tx-gre-csum-segmentation",
	[24] = "tx-ipxip4-segmentation",
	[25] = "tx-ipxip6-segmentation",
	[26] = "tx-udp_tnl-segmentation",
	[27] = "tx-udp_tnl-csum-segmentation",
	[28] = "tx-gso-partial",
	[29] = "tx-tunnel-remcsum-segmentation",
	[30] = "tx-sctp-segmentation",
	[31] = "tx-esp-segmentation",
	[33] = "tx-udp-segmentation",
	[34] = "tx-gso-list",
	[35] = "tx-tcp-accecn-segmentation",
	[36] = "tx-checksum-fcoe-crc",
	[37] = "tx-checksum-sctp",
	[38] = "rx-ntuple-filter",
	[39] = "rx-hashing",
	[40] = "rx-checksum",
	[41] = "tx-nocache-copy",
	[42] = "loopback",
	[43] = "rx-fcs",
	[44] = "rx-all",
	[45] = "tx-vlan-stag-hw-insert",
	[46] = "rx-vlan-stag-hw-parse",
	[47] = "rx-vlan-stag-filter",
	[48] = "l2-fwd-offload",
	[49] = "hw-tc-offload",
	[50] = "esp-hw-offload",
	[51] = "esp-tx-csum-hw-offload",
	[52] = "rx-udp_tunnel-port-offload",
	[53] = "tls-hw-tx-offload",
	[54] = "tls-hw-rx-offload",
	[55] = "rx-gro-hw",
	[56] = "tls-hw-record",
	[57] = "rx-gro-list",
	[58] = "macsec-hw-offload",
	[59] = "rx-udp-gro-forwarding",
	[60] = "hsr-tag-ins-offload",
	[61] = "hsr-tag-rm-offload",
	[62] = "hsr-fwd-offload",
	[63] = "hsr-dup-offload",
};

static const char *const offloads[] = { "tx-scatter-gather", "tx-checksum-ip-generic",
	"tx-tcp-segmentation", "tx-tcp6-segmentation" };

static void set(u32 *words, const char *name)
{
	for (u32 i = 0; i < NAMES; i++)
		if (names[i] && !strcmp(names[i], name))
			words[i / 32] |= 1U << i % 32;
}

/*
 * Returns the features that are on, and the fixed features that no device of this kind can change.
 */
static void features_of(const struct net_device *d, u32 *active, u32 *never_changed)
{
	bool no_vlans = d->type != ARPHRD_ETHER || d->flags & IFF_LOOPBACK;

	if (no_vlans)
		set(never_changed, "vlan-challenged");
	if (d->flags & IFF_LOOPBACK)
		set(never_changed, "loopback");
	for (u32 i = 0; i < WORDS; i++)
		active[i] |= never_changed[i];
	for (u32 i = 0; d->csum_out && i < ARRAY_SIZE(offloads); i++)
		set(active, offloads[i]);
}

long ethtool_get_features(const struct net_device *d, u64 arg)
{
	u32 active[WORDS] = { 0 }, never[WORDS] = { 0 }, room;
	struct ethtool_gfeatures f;

	if (get_user(f, UADDR(arg)))
		return -EFAULT;
	room = min(f.size, WORDS);
	f = (struct ethtool_gfeatures){ .cmd = ETHTOOL_GFEATURES, .size = WORDS };
	if (put_user(f, UADDR(arg)))
		return -EFAULT;
	features_of(d, active, never);
	for (u32 i = 0; i < room; i++) {
		struct ethtool_get_features_block b = { .active = active[i],
			.never_changed = never[i] };

		if (put_user(b, UADDR(arg + sizeof(f) + i * sizeof(b))))
			return -EFAULT;
	}
	return 0;
}

long ethtool_set_features(struct net *net, u64 arg)
{
	struct ethtool_set_features_block b[WORDS];
	struct ethtool_sfeatures f;

	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	if (get_user(f, UADDR(arg)))
		return -EFAULT;
	if (f.size != WORDS)
		return -EINVAL;
	if (copy_from_user(b, UADDR(arg + sizeof(f)), sizeof(b)))
		return -EFAULT;
	return b[0].valid || b[1].valid ? ETHTOOL_F_UNSUPPORTED : 0;
}

long ethtool_get_sset_info(u64 arg)
{
	struct ethtool_sset_info i;
	u32 count = NAMES;

	if (get_user(i, UADDR(arg)))
		return -EFAULT;
	i = (struct ethtool_sset_info){
		.cmd = ETHTOOL_GSSET_INFO,
		.sset_mask = i.sset_mask & 1UL << ETH_SS_FEATURES,
	};
	if (put_user(i, UADDR(arg)))
		return -EFAULT;
	return i.sset_mask ? put_user(count, UADDR(arg + sizeof(i))) : 0;
}

long ethtool_get_strings(u64 arg)
{
	struct ethtool_gstrings g;
	char name[ETH_GSTRING_LEN];

	if (get_user(g, UADDR(arg)))
		return -EFAULT;
	if (g.string_set != ETH_SS_FEATURES)
		return -EOPNOTSUPP;
	g.len = NAMES;
	if (put_user(g, UADDR(arg)))
		return -EFAULT;
	for (u32 i = 0; i < NAMES; i++) {
		memset(name, 0, sizeof(name));
		if (names[i])
			strscpy(name, names[i], sizeof(name));
		if (copy_to_user(UADDR(arg + sizeof(g) + i * sizeof(name)), name, sizeof(name)))
			return -EFAULT;
	}
	return 0;
}
