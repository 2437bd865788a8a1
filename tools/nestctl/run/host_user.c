/* SPDX-License-Identifier: MIT */
/*
 * host_user.c: --host-user: the user of this machine that the kernel process of root's instance
 * becomes (the kernel's user=).
 *
 * The default is sudo's caller under sudo, and else a user that no other instance has ("dynamic",
 * os-linux/jail/dynamic.c), as long as nothing in the run needs root. Otherwise the kernel process
 * keeps running as root. The default is never the user nobody: several services run as nobody, and
 * could send signals to one another's instances. With folders of the host the process keeps running
 * as root, since root's rights to them depend on their file system (NFS, FUSE).
 */
#include "tools/nestctl/run/host_user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"

#define PORTS_OF_ROOT 1024

/* True for a kernel parameter that needs root (folders, cores, ports) or sets the host user. */
static bool wants_root(const char *param)
{
	static const char *const begins[] = { "user=", "hostfs", "core=" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(param, begins[i], strlen(begins[i])))
			return true;
	return strstr(param, "hostfwd=");
}

/* Returns the id in a variable of sudo's environment, or 0. */
static unsigned long id_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	unsigned long id = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

	return id && !*end && id < 0xffffffffUL ? id : 0;
}

/* True if something in the run needs root after the jail has closed. */
static bool needs_root(const struct run *r)
{
	if (r->nr_volumes)
		return true;
	for (int i = 0; i < r->nr_nets; i++)
		if (r->nets[i] && wants_root(r->nets[i]))
			return true;
	for (int i = r->user_from; i < r->user_to; i++)
		if (wants_root(r->argv[i]))
			return true;
	for (int i = 0; i < r->nr_ports; i++)
		if (atoi(strrchr(r->ports[i], ':') + 1) < PORTS_OF_ROOT)
			return true;
	return false;
}

const char *host_user_default(const struct run *r)
{
	unsigned long uid = id_of("SUDO_UID"), gid = id_of("SUDO_GID");

	if (geteuid() || needs_root(r))
		return NULL;
	return uid && gid ? format("%lu:%lu,optional", uid, gid) : "dynamic,optional";
}

const char *host_user_param(const char *user)
{
	return !user || !strcmp(user, "root") || !strcmp(user, "0") || !strcmp(user, "0:0") ?
		       NULL :
		       format("user=%s", user);
}
