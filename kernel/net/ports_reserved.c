/* SPDX-License-Identifier: MIT */
/*
 * ports_reserved.c: /proc/sys/net/ipv4/ip_local_reserved_ports: ports of a namespace that nobody gets who has not asked for them.
 * A map of bits, made when somebody first sets some. Its words are written and read one by one, without a lock.
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet.h"

#define PORTS 65536U
#define WORDS (PORTS / 64)

static bool has(const u64 *bits, u32 port)
{
	return READ_ONCE(bits[port / 64]) >> port % 64 & 1;
}

bool port_is_reserved(const struct net *net, u16 port)
{
	const u64 *bits = READ_ONCE(net->reserved_ports);

	return unlikely(bits) && has(bits, port);
}

int ports_show_reserved(struct seq *s, void *arg)
{
	const u64 *bits = READ_ONCE(current_net()->reserved_ports);
	const char *comma = "";

	for (u32 p = 0, end; bits && p < PORTS; p = end + 1) {
		end = p;
		if (!has(bits, p))
			continue;
		while (end + 1 < PORTS && has(bits, end + 1))
			end++;
		seq_printf(s, end > p ? "%s%u-%u" : "%s%u", comma, p, end);
		comma = ",";
	}
	seq_puts(s, "\n");
	return 0;
}

/* "80" or "80-90": 0 or -EINVAL. */
static int take_range(char *text, u64 *bits)
{
	char *first = strsep(&text, "-");
	u64 low, high;

	if (kstrtou64(first, 10, &low) || low >= PORTS)
		return -EINVAL;
	high = low;
	if (text && (kstrtou64(text, 10, &high) || high >= PORTS || high < low))
		return -EINVAL;
	for (; low <= high; low++)
		bits[low / 64] |= 1UL << low % 64;
	return 0;
}

/* Words between commas, to the end of the line. */
static int take_list(char *text, u64 *bits)
{
	int err = 0;

	text[strcspn(text, "\n")] = 0;
	while (!err && text && *text)
		err = take_range(strsep(&text, ","), bits);
	return err;
}

int ports_store_reserved(char *text, size_t n, void *arg)
{
	struct net *net = current_net();
	u64 *fresh = kcalloc(WORDS, sizeof(*fresh), GFP_KERNEL), *bits;
	int err = fresh ? take_list(text, fresh) : -ENOMEM;

	if (err) {
		kfree(fresh);
		return err;
	}
	spin_lock(&net->lock);
	bits = net->reserved_ports;
	if (!bits)
		WRITE_ONCE(net->reserved_ports, fresh);
	for (u32 i = 0; bits && i < WORDS; i++)
		WRITE_ONCE(bits[i], fresh[i]);
	spin_unlock(&net->lock);
	if (bits)
		kfree(fresh);
	return 0;
}
