/* SPDX-License-Identifier: MIT */
/* host_user.h: --host-user of run, restore and clone. */
#ifndef NESTLING_NESTCTL_HOST_USER_H
#define NESTLING_NESTCTL_HOST_USER_H

#define HOST_USER_HELP                                                                             \
	"of root's instances: the kernel process on this machine becomes this user's (a name, "    \
	"UID "                                                                                     \
	"or UID:GID), in namespaces of its own"

struct run;
/*
 * Returns the user that the kernel process of root's run becomes without the option: the caller of
 * sudo. Returns NULL if the process keeps running as root: the run needs root, or sudo did not
 * start it. Texts of both functions are never freed.
 */
const char *host_user_of_sudo(const struct run *r);
/* Returns the kernel's parameter for @user, or NULL if @user is root or NULL. */
const char *host_user_param(const char *user);

#endif
