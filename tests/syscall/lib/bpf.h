/* SPDX-License-Identifier: MIT */
/*
 * bpf.h: bpf(2), and its commands for maps. All functions return the result of the call: -1 with
 * errno on an error.
 */
#ifndef TESTS_SYSCALL_BPF_H
#define TESTS_SYSCALL_BPF_H

#include "t.h"

#include <linux/bpf.h>

static T_UNUSED long bpf(int cmd, union bpf_attr *a)
{
	return syscall(SYS_bpf, cmd, a, sizeof(*a));
}

/* Makes a map, whose name may be NULL. Returns its descriptor. @key and @value: sizes in bytes. */
static T_UNUSED int make_map(
	unsigned type, unsigned key, unsigned value, unsigned max, unsigned flags, const char *name)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = key;
	a.value_size = value;
	a.max_entries = max;
	a.map_flags = flags;
	if (name)
		strncpy(a.map_name, name, sizeof(a.map_name));
	return (int)bpf(BPF_MAP_CREATE, &a);
}

/* Calls BPF_MAP_*_ELEM on the map @fd. @value may be NULL where @cmd needs none. */
static T_UNUSED long elem(int cmd, int fd, const void *key, void *value, unsigned long long flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (unsigned)fd;
	a.key = (unsigned long)key;
	a.value = (unsigned long)value;
	a.flags = flags;
	return bpf(cmd, &a);
}

#endif
