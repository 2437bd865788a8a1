/* SPDX-License-Identifier: MIT */
/*
 * rights.c: rights that a thread gives up for good: capabilities, and by Landlock the names of
 * files, TCP, abstract sockets and signals. The kernel process (threads.c) and nestctl switch do
 * so. Some hosts have only parts of Landlock, or none.
 */
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/jail/jail.h"

#define FILES_V1 0x1fff /* all rights of version 1 */
#define FILES_V2 0x3fff /* and to link and rename between folders */
#define FILES_V3 0x7fff /* and to truncate */
#define FILES_V5 RIGHTS_FILES

int rights_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

uint64_t rights_files(uint64_t files)
{
	int v = rights_version();

	return files & (v < 2 ? FILES_V1 : v < 3 ? FILES_V2 : v < 5 ? FILES_V3 : FILES_V5);
}

int rights_rules(struct rights r)
{
	int v = rights_version();
	size_t size = v < 4 ? 8 : v < 6 ? 16 : sizeof(r);

	if (v < 1)
		return -1;
	r.files = rights_files(r.files);
	r.net = v < 4 ? 0 : r.net;
	r.scoped = v < 6 ? 0 : r.scoped;
	if (!r.files && !r.net && !r.scoped)
		return -1;
	return (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
}

void rights_bound(uint64_t kept)
{
	prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
	for (unsigned long cap = 0; cap < 64; cap++)
		if (!(kept >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

void rights_keep(uint64_t mask)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { 0 };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	syscall(SYS_capget, &head, caps);
	for (int i = 0; i < 2; i++) {
		caps[i].permitted &= (uint32_t)(mask >> 32 * i);
		caps[i].effective = caps[i].permitted;
		caps[i].inheritable = 0;
	}
	syscall(SYS_capset, &head, caps);
}
