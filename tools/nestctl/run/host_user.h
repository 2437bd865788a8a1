/* SPDX-License-Identifier: MIT */
/* host_user.h: --host-user of run, restore and clone. */
#ifndef NESTLING_NESTCTL_HOST_USER_H
#define NESTLING_NESTCTL_HOST_USER_H

#define HOST_USER_HELP                                                                             \
	"of root's instances: the kernel process on this machine becomes this user's (a name, "    \
	"UID, UID:GID, or `dynamic` for one that no other instance has), in namespaces of its own"

struct run;
/*
 * Returns the user that the kernel process becomes without the option, for host_user_param(): the
 * caller of sudo as "UID:GID,optional", or "dynamic,optional". Returns NULL if the kernel process
 * keeps nestctl's user: nestctl is not root, or the run needs root. Texts of both functions are
 * never freed.
 */
const char *host_user_default(const struct run *r);
/* Returns the kernel's parameter "user=..." for @user, or NULL if @user is root or NULL. */
const char *host_user_param(const char *user);

#endif
