/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c: limits of the host's control groups for this process, for the texts of why.c. Knows
 * both versions of the hierarchy.
 *
 * A group is looked up in /proc/self/cgroup, its folder in /proc/self/mountinfo. In a container
 * the mounted folder may be a part of the hierarchy: then the mount's root is taken off the
 * group's path. If a file or a mount is missing, there is no limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os-linux/why.h"

/*
 * processes: a group this near to its limit counts as the cause of a refusal, since some of its
 * processes may have ended since
 */
#define NEAR 16

struct group {
	char dir[PATH_MAX]; /* path of the group's folder */
	size_t top;         /* length of the mount point in @dir */
};

/* True if @list, words between commas, has @word. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ',') && (!p[n] || p[n] == ',' || p[n] == '\n'))
			return true;
	return false;
}

/*
 * Finds the path of this process's group in the hierarchy with @controller; NULL means version 2's
 * hierarchy. Returns false if there is none.
 */
static bool own_path(const char *controller, char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 256];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		char *names = strchr(line, ':'), *at = names ? strchr(names + 1, ':') : NULL;

		if (!at)
			continue;
		*at++ = 0;
		at[strcspn(at, "\n")] = 0;
		found = controller ? has_word(names + 1, controller) : !names[1];
		if (found)
			snprintf(path, size, "%s", at);
	}
	fclose(f);
	return found;
}

/*
 * Sets @root and @point to root and mount point of the hierarchy with @controller; NULL: of the
 * hierarchy of version 2. Returns false if it is not mounted.
 */
static bool mounted_at(const char *controller, char *root, char *point)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[3 * PATH_MAX], options[512];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		char *type = strstr(line, " - cgroup");

		if (!type || sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2)
			continue;
		if (!controller)
			found = !strncmp(type, " - cgroup2 ", 11);
		else if (sscanf(type, " - cgroup %*s %511s", options) == 1)
			found = has_word(options, controller);
	}
	fclose(f);
	return found;
}

static bool find_group(const char *controller, struct group *g)
{
	char path[PATH_MAX], root[PATH_MAX], point[PATH_MAX];
	const char *below = path;
	size_t n;

	if (!own_path(controller, path, sizeof(path)) || !mounted_at(controller, root, point))
		return false;
	n = strlen(root);
	if (n > 1 && !strncmp(path, root, n) && (!path[n] || path[n] == '/'))
		below = path + n;
	g->top = strlen(point);
	return snprintf(g->dir, sizeof(g->dir), "%s%s", point, strcmp(below, "/") ? below : "") <
	       (int)sizeof(g->dir);
}

/* Goes to the parent group. Returns false if @g is the top. */
static bool go_up(struct group *g)
{
	char *slash = strrchr(g->dir + g->top, '/');

	if (!slash)
		return false;
	*slash = 0;
	return true;
}

/*
 * Reads the number behind @key ("": the first word) in a file of the group. Returns false if the
 * number is missing or "max".
 */
static bool read_number(const struct group *g, const char *name, const char *key, uint64_t *value)
{
	char path[PATH_MAX + 64], line[128];
	size_t n = strlen(key);
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", g->dir, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && sscanf(line + n, "%lu", value) == 1)
			found = true;
	fclose(f);
	return found;
}

static const char *name_of(const struct group *g)
{
	return g->dir[g->top] ? g->dir + g->top : "/";
}

bool os_cgroup_pids_full(char *name, size_t size, uint64_t *limit)
{
	struct group g;
	uint64_t now;

	if (!find_group("pids", &g) && !find_group(NULL, &g))
		return false;
	do
		if (read_number(&g, "pids.max", "", limit) &&
			read_number(&g, "pids.current", "", &now) && now + NEAR > *limit) {
			snprintf(name, size, "%s", name_of(&g));
			return true;
		}
	while (go_up(&g));
	return false;
}

/* Reads the count in version 1's hierarchy, or else in version 2's. */
uint64_t os_cgroup_oom_kills(void)
{
	struct group g;
	uint64_t n;

	if (find_group("memory", &g) && read_number(&g, "memory.oom_control", "oom_kill ", &n))
		return n;
	if (find_group(NULL, &g) && read_number(&g, "memory.events", "oom_kill ", &n))
		return n;
	return 0;
}

/*
 * Returns the bytes left in a group. Without a limit that is UINT64_MAX, or in version 1 a number
 * near the largest limit. Memory that the host can reclaim at once counts as room.
 */
static uint64_t room_in(const struct group *g, bool old)
{
	uint64_t limit, used, cache = 0;

	if (!read_number(g, old ? "memory.limit_in_bytes" : "memory.max", "", &limit) ||
		!read_number(g, old ? "memory.usage_in_bytes" : "memory.current", "", &used))
		return UINT64_MAX;
	read_number(g, "memory.stat", old ? "total_inactive_file " : "inactive_file ", &cache);
	used -= cache < used ? cache : used;
	return used < limit ? limit - used : 0;
}

uint64_t os_cgroup_memory_room(void)
{
	uint64_t room = UINT64_MAX;
	struct group g;
	bool old = find_group("memory", &g);

	if (!old && !find_group(NULL, &g))
		return room;
	do {
		uint64_t here = room_in(&g, old);

		room = here < room ? here : room;
	} while (go_up(&g));
	return room;
}

/*
 * Finds the limit nearest to this process. Version 1 reports "no limit" as a number near the
 * largest, so a limit of 1 EiB or more does not count.
 */
bool os_cgroup_memory_limit(char *name, size_t size, uint64_t *limit)
{
	bool old;
	struct group g;

	old = find_group("memory", &g);
	if (!old && !find_group(NULL, &g))
		return false;
	do
		if (read_number(&g, old ? "memory.limit_in_bytes" : "memory.max", "", limit) &&
			*limit < 1UL << 60) {
			snprintf(name, size, "%s", name_of(&g));
			return true;
		}
	while (go_up(&g));
	return false;
}
