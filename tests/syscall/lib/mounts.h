/* SPDX-License-Identifier: MIT */
/* mounts.h: mounts of a test's own. */
#ifndef TESTS_SYSCALL_MOUNTS_H
#define TESTS_SYSCALL_MOUNTS_H

#include "t.h"
#include <sys/mount.h>

/* Enters a new mount namespace, whose mounts and unmounts stay inside. */
static T_UNUSED void own_mounts(void)
{
	NEED(unshare(CLONE_NEWNS));
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

/* Mounts a tmpfs with @options on the new folder t, and enters it. */
static T_UNUSED void scratch_enter(const char *options)
{
	NEED(mkdir("t", 0755));
	NEED(mount("none", "t", "tmpfs", 0, options));
	NEED(chdir("t"));
}

/* Leaves the root of that tmpfs, and removes it with its folder. */
static T_UNUSED void scratch_leave(void)
{
	NEED(chdir(".."));
	NEED(umount2("t", MNT_DETACH));
	NEED(rmdir("t"));
}

#endif
