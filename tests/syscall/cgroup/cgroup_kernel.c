/* SPDX-License-Identifier: MIT */
/*
 * cgroup_kernel: large kernel memory that a member of a group causes (the values of a bpf map) is
 * charged to the group, obeys its limit, and is uncharged when it is freed. A test may not change
 * the host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"
#include "bpf.h"

#define VALUE 32768
#define VALUES 256 /* 8 MiB in all */

static char value[VALUE];

/* Makes a map. Returns how many of its values could be set. */
static int fill(int *map)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = VALUE,
		.max_entries = VALUES };
	int n = 0;

	*map = (int)bpf(BPF_MAP_CREATE, &a);
	NEED(*map);
	memset(&a, 0, sizeof(a));
	a.map_fd = (unsigned)*map;
	a.key = (unsigned long)&n;
	a.value = (unsigned long)value;
	while (n < VALUES && !bpf(BPF_MAP_UPDATE_ELEM, &a))
		n++;
	return n;
}

static void kept_and_given_back(void)
{
	long before = figure("g/memory.current", ""), kept;
	int map, n = fill(&map);

	kept = figure("g/memory.current", "") - before;
	say("all set: %d; counted: %s", n == VALUES,
		kept > 7L << 20 && kept < 10L << 20 ? "yes" : "no");
	close(map);
	T_WAIT(figure("g/memory.current", "") - before < 1 << 20);
	say("given back");
}

static void within_limit(void)
{
	int map, n, err;

	NEED(put("g/memory.max", "4M"));
	n = fill(&map);
	err = errno;
	say("all set: %d", n == VALUES);
	say("no memory: %s, above the limit: %s", err == ENOMEM ? "yes" : "no",
		figure("g/memory.current", "") > 4 << 20 ? "yes" : "no");
}

/* Runs @fn in a child in the group. Returns its wait status. */
static int member(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	NEED(pid);
	if (!pid) {
		NEED(put("g/cgroup.procs", "0"));
		fn();
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
	return status;
}

TEST(cgroup_kernel)
{
	int status;

	if (!cgroup_enter()) {
		say("all set: 1; counted: yes");
		say("given back");
		say("all set: 0");
		say("no memory: yes, above the limit: no");
		say("alive: yes");
		say("all gone");
		return;
	}
	NEED(put("cgroup.subtree_control", "+memory"));
	NEED(mkdir("g", 0755));
	member(kept_and_given_back);
	status = member(within_limit);
	say("alive: %s", status ? "no" : "yes");
	T_WAIT(figure("g/memory.current", "") < 1 << 20);
	say("all gone");
	NEED(rmdir("g"));
	NEED(put("cgroup.subtree_control", "-memory"));
	cgroup_leave();
}
