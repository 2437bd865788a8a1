/* SPDX-License-Identifier: MIT */
/*
 * exec_user.c: finds the user of a command in an instance. The kernel needs numbers. The names are
 * in the instance's /etc/passwd and /etc/group, which nestctl reads by running cat(1) in the
 * instance. Root's numbers are known without them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/run/exec.h"
#include "tools/nestctl/core/nestctl.h"

#define GROUPS_MAX 64

/* Parses a whole number. True if @text is one. */
static bool number(const char *text, unsigned int *n)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*n = (unsigned int)v;
	return *text >= '0' && *text <= '9' && !*end && v < 0xffffffffUL;
}

/* Returns the text of a file in the instance, or NULL. */
static char *read_file(const struct instance *in, const char *path)
{
	const char *const argv[] = { "cat", path, NULL };

	return remote_read(in, argv);
}

/*
 * Splits the next line into fields, in place. Returns the number of fields, or -1 at the end of the
 * text.
 */
static int next_line(char **text, char **field, int max)
{
	char *line = *text && **text ? strsep(text, "\n") : NULL;
	int n = 0;

	if (!line)
		return -1;
	for (; line && n < max; n++)
		field[n] = strsep(&line, ":");
	return n;
}

/*
 * Searches @passwd, an /etc/passwd that it changes, for the user @who. Returns false if there is
 * none.
 */
static bool find_user(
	char *passwd, const char *who, struct exec_user *u, unsigned int *uid, unsigned int *gid)
{
	unsigned int wanted, id;
	bool by_number = number(who, &wanted);
	char *w[7];

	for (int n; (n = next_line(&passwd, w, 7)) >= 0;) {
		if (n < 7 || !number(w[2], &id) || (by_number ? id != wanted : strcmp(w[0], who)) ||
			!number(w[3], gid))
			continue;
		*uid = id;
		u->name = w[0];
		u->home = w[5];
		u->shell = *w[6] ? w[6] : "/bin/sh";
		return true;
	}
	return false;
}

/* True if the list "a,b", which is changed, has the name. */
static bool is_member(char *members, const char *name)
{
	for (char *m; (m = strsep(&members, ","));)
		if (!strcmp(m, name))
			return true;
	return false;
}

/*
 * Searches @text, an /etc/group. Sets *gid to the group @who, unless @who is NULL, and *others to
 * the further groups of the user @name as ":GID:GID...". Returns false if there is no group @who.
 */
static bool find_groups(
	char *text, const char *who, const char *name, unsigned int *gid, char **others)
{
	unsigned int id, count = 0;
	bool found = !who || number(who, gid);
	char *w[4];

	*others = format("%s", "");
	for (int n; (n = next_line(&text, w, 4)) >= 0;) {
		if (n < 3 || !number(w[2], &id))
			continue;
		if (!found && !strcmp(w[0], who)) {
			*gid = id;
			found = true;
		}
		if (n == 4 && count < GROUPS_MAX && is_member(w[3], name)) {
			*others = format("%s:%u", *others, id);
			count++;
		}
	}
	return found;
}

/* Returns ":GID:GID..." for the groups of --group-add, or "". */
static char *further_groups(const struct instance *in, const struct exec_config *config)
{
	char *all = format("%s", ""), *none;

	for (size_t i = 0; i < config->nr_groups; i++) {
		unsigned int gid = 0;

		if (!find_groups(read_file(in, "/etc/group"), config->groups[i], "", &gid, &none))
			die("%s: no such group in %s", config->groups[i], in->name);
		all = format("%s:%u", all, gid);
	}
	return all;
}

struct exec_user exec_user_find(
	const struct instance *in, const char *text, const struct exec_config *config)
{
	struct exec_user u = { format("0:0"), "root", "/root", "/bin/sh" };
	char *who = format("%s", text ? text : "0"), *group = strchr(who, ':'), *others;
	unsigned int uid = 0, gid = 0;

	if (!text && !config->nr_groups)
		return u;
	if (group)
		*group++ = '\0';
	if (!find_user(read_file(in, "/etc/passwd"), who, &u, &uid, &gid)) {
		if (!number(who, &uid))
			die("%s: no such user in %s", who, in->name);
		u.name = who;
		u.home = "/";
	}
	if (!find_groups(read_file(in, "/etc/group"), group, u.name, &gid, &others))
		die("%s: no such group in %s", group, in->name);
	u.ids = format("%u:%u%s%s", uid, gid, others, further_groups(in, config));
	return u;
}
