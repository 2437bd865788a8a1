/* SPDX-License-Identifier: MIT */
/* proc.c: files of /proc and /sys that the jailed kernel process may open. They need no grant. */
#include <stdio.h>
#include <string.h>

#include "os-linux/jail/broker.h"

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}
#define IS_ONE_OF(word, words) is_one_of(word, words, sizeof(words) / sizeof((words)[0]))

const char *proc_file(const char *path)
{
	static const char *const of_host[] = { "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
		"/proc/loadavg", "/proc/uptime", "/proc/sys/vm/overcommit_memory",
		"/proc/sys/vm/max_map_count", "/sys/devices/system/cpu/online",
		"/sys/devices/system/cpu/possible",
		"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
		"/sys/kernel/mm/transparent_hugepage/shmem_enabled" };
	static const char *const of_process[] = { "stat", "status", "schedstat", "maps", "smaps",
		"smaps_rollup", "statm", "cgroup", "comm", "task", "pagemap" };
	int pid, task, at = 0, in_task = 0;

	if (IS_ONE_OF(path, of_host) || !strncmp(path, "/sys/fs/cgroup/", 15))
		return path;
	if (sscanf(path, "/proc/%d/%n", &pid, &at) != 1 || !at || !children_has(pid))
		return NULL;
	/*
	 * The kernel process looks for the mounts of control groups, whose limits it has to know.
	 * A namespace of its own has none, so the broker opens the list of its own mounts.
	 */
	if (!strcmp(path + at, "mountinfo"))
		return "/proc/self/mountinfo";
	if (sscanf(path + at, "task/%d/%n", &task, &in_task) == 1 && in_task)
		at += in_task;
	return IS_ONE_OF(path + at, of_process) ? path : NULL;
}
