/* SPDX-License-Identifier: MIT */
/*
 * number_list.c: lists of vCPUs and nodes, as in cpuset files. The syntax is that of Linux's CPU
 * lists (linux-doc: admin-guide/kernel-parameters): "0-3,5", "all", "N" for the last number, and
 * "0-7:2/4" for the first two of every four.
 */
#include <asm/errno.h>

#include "kernel/lib/number_list.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

struct range {
	u32 start, end, used, group;
};

/* Parses a number; "N" stands for @nr - 1. */
static int take_number(char **text, u32 nr, u32 *v)
{
	char *p = *text;
	u64 n = 0;

	if (*p == 'N') {
		*v = nr - 1;
		*text = p + 1;
		return 0;
	}
	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (u64)(*p - '0');
		if (n > UINT32_MAX)
			return -EOVERFLOW;
	}
	*v = (u32)n;
	*text = p;
	return 0;
}

static bool ends(char c)
{
	return !c || c == ',' || c == ' ' || c == '\t' || c == '\n';
}

/* Parses a range, and moves *text behind it. 0, -EINVAL or -EOVERFLOW. */
static int take_range(char **text, u32 nr, struct range *r)
{
	int err;

	*r = (struct range){ 0, nr - 1, 1, 1 };
	if (!strncmp(*text, "all", 3) && (ends((*text)[3]) || (*text)[3] == ':')) {
		*text += 3;
	} else {
		err = take_number(text, nr, &r->start);
		if (err)
			return err;
		r->end = r->start;
		if (ends(**text))
			return 0;
		if (*(*text)++ != '-')
			return -EINVAL;
		err = take_number(text, nr, &r->end);
		if (err)
			return err;
	}
	if (ends(**text))
		return 0;
	if (*(*text)++ != ':')
		return -EINVAL;
	err = take_number(text, nr, &r->used);
	if (err)
		return err;
	if (*(*text)++ != '/')
		return -EINVAL;
	err = take_number(text, nr, &r->group);
	return err ? err : ends(**text) ? 0 : -EINVAL;
}

int number_list_parse(char *text, u32 nr, u64 *mask, bool *beyond)
{
	struct range r;
	int err;

	*mask = 0;
	*beyond = false;
	for (;;) {
		while (*text && ends(*text))
			text++;
		if (!*text)
			return 0;
		err = take_range(&text, nr, &r);
		if (err)
			return err;
		if (r.start > r.end || !r.group || r.used > r.group)
			return -EINVAL;
		if (r.end >= nr)
			return -ERANGE;
		for (u32 i = r.start; i <= r.end; i++) {
			if ((i - r.start) % r.group >= r.used)
				continue;
			if (i < 64)
				*mask |= BIT(i);
			else
				*beyond = true;
		}
	}
}

int number_list_text(char *buf, size_t size, u64 mask)
{
	const char *comma = "";
	int n = 0;

	buf[0] = 0;
	while (mask) {
		u32 from = (u32)__builtin_ctzl(mask), to = from;

		while (to < 63 && mask & BIT(to + 1))
			to++;
		n += scnprintf(
			buf + n, size - (size_t)n, to > from ? "%s%u-%u" : "%s%u", comma, from, to);
		mask &= to == 63 ? 0 : ~0UL << (to + 1);
		comma = ",";
	}
	return n;
}
