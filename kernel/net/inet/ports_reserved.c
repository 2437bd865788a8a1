/* SPDX-License-Identifier: MIT */
/*
 * ports_reserved.c: /proc/sys/net/ipv4/ip_local_reserved_ports: ports of a namespace that the
 * kernel does not choose by itself. They are a bitmap, which is allocated when ports are first set;
 * programs read and write it as a list of ranges. Its words are read and written one by one,
 * without a lock for readers.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/inet.h"

#define PORTS 65536U
#define WORDS (PORTS / 64)

static bool has(const u64 *bits, u32 port)
{
	return READ_ONCE(bits[port / 64]) >> port % 64 & 1;
}

bool port_is_reserved(const struct net *net, u16 port)
{
	const u64 *bits = READ_ONCE(net->ports.reserved);

	return unlikely(bits) && has(bits, port);
}

void bits_show(struct seq *s, const u64 *bits, u32 nr)
{
	const char *comma = "";

	for (u32 p = 0, end; bits && p < nr; p = end + 1) {
		end = p;
		if (!has(bits, p))
			continue;
		while (end + 1 < nr && has(bits, end + 1))
			end++;
		seq_printf(s, end > p ? "%s%u-%u" : "%s%u", comma, p, end);
		comma = ",";
	}
	seq_puts(s, "\n");
}

int ports_show_reserved(struct seq *s, void *arg)
{
	bits_show(s, READ_ONCE(current_net()->ports.reserved), PORTS);
	return 0;
}

#define DIGITS_MAX 20 /* longer numbers are refused */

/*
 * Reads the number at *@text, which ends at a character of @ends or at @end, and moves *@text
 * there. The number is decimal, octal or hexadecimal as in C. Returns -EINVAL if there is none, or
 * it is not below @nr.
 */
static int take_bit(char **text, const char *end, const char *ends, u32 *bit, u32 nr)
{
	char number[DIGITS_MAX + 1];
	size_t n = strcspn(*text, ends);
	u64 value;

	if (!n || n > DIGITS_MAX || **text < '0' || **text > '9')
		return -EINVAL;
	if ((*text)[n] == 0 && *text + n != end)
		return -EINVAL;
	memcpy(number, *text, n);
	number[n] = 0;
	if (kstrtou64(number, 0, &value) || value >= nr)
		return -EINVAL;
	*text += n;
	*bit = (u32)value;
	return 0;
}

/* Reads "80" or "80-90", sets its bits, and moves *@text behind it. */
static int take_range(char **text, const char *end, u64 *bits, u32 nr, bool cut)
{
	u32 low, high;
	int err = take_bit(text, end, ",-\n", &low, nr);

	high = low;
	if (!err && **text == '-') {
		*text += 1;
		if (cut && *text == end)
			return 0;
		err = take_bit(text, end, ",\n", &high, nr);
	}
	if (err || (cut && *text == end))
		return err;
	if (high < low)
		return -EINVAL;
	for (; low <= high; low++)
		bits[low / 64] |= 1UL << low % 64;
	*text += *text != end;
	return 0;
}

/*
 * Reads ranges between commas and line feeds, and returns the number of bytes it has used. If the
 * text continues (@cut), the last range may continue too, and is not used.
 */
ssize_t bits_take(char *text, size_t n, bool cut, u64 *bits, u32 nr)
{
	const char *start = text, *end = text + n;
	char *last;
	int err = 0;

	for (;;) {
		text += strspn(text, "\n");
		if (text == end)
			return (ssize_t)n;
		last = text;
		err = take_range(&text, end, bits, nr, cut);
		if (err)
			return err;
		if (cut && text == end && end[-1] != ',' && end[-1] != '\n')
			return last - start;
	}
}

/*
 * Stores a list of ports. A write at offset 0 replaces the old list, a write at another offset adds
 * to it.
 */
ssize_t ports_store_reserved(char *text, size_t n, bool cut, loff_t pos)
{
	struct net *net = current_net();
	u64 *fresh = kcalloc(WORDS, sizeof(*fresh), GFP_KERNEL), *bits;
	ssize_t done = fresh ? bits_take(text, n, cut, fresh, PORTS) : -ENOMEM;

	if (done < 0) {
		kfree(fresh);
		return done;
	}
	spin_lock(&net->lock);
	bits = net->ports.reserved;
	if (!bits)
		WRITE_ONCE(net->ports.reserved, fresh);
	for (u32 i = 0; bits && i < WORDS; i++)
		WRITE_ONCE(bits[i], pos ? bits[i] | fresh[i] : fresh[i]);
	spin_unlock(&net->lock);
	if (bits)
		kfree(fresh);
	return done;
}
