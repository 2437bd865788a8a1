/* SPDX-License-Identifier: MIT */
/* unix_name.h: binds and connects AF_UNIX sockets by a path. */
#ifndef TESTS_SYSCALL_UNIX_NAME_H
#define TESTS_SYSCALL_UNIX_NAME_H

#include "t.h"

#include <sys/socket.h>
#include <sys/un.h>

static T_UNUSED struct sockaddr_un at(const char *name)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };

	strcpy(u.sun_path, name);
	return u;
}

static T_UNUSED int binds(int s, const char *name)
{
	struct sockaddr_un u = at(name);

	return bind(s, (void *)&u, sizeof(u));
}

static T_UNUSED int connects(int s, const char *name)
{
	struct sockaddr_un u = at(name);

	return connect(s, (void *)&u, sizeof(u));
}

#endif
