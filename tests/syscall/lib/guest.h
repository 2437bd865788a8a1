/* SPDX-License-Identifier: MIT */
/*
 * guest.h: for calls that a host may not allow (loop devices, some mounts, fanotify): the host's
 * side only prints the result that Linux documents, the guest's side makes the call.
 *
 *	G(ioctl(fd, LOOP_CLR_FD), "0");		prints "ioctl(fd, LOOP_CLR_FD) = 0"
 *	G(open(...), "-1 EBUSY");
 *	GIS(condition);				prints "condition: yes" or "no"; the host: "yes"
 *	GT(text, "what it should be");		prints "text: " and the text
 *	GNEED(open(...));			NEED() in the guest, nothing on the host
 *	GNEED0(pthread_create(...));		NEED0() in the guest, nothing on the host
 */
#ifndef TESTS_SYSCALL_GUEST_H
#define TESTS_SYSCALL_GUEST_H

#include "t.h"

#include <sys/utsname.h>

static T_UNUSED bool in_guest(void)
{
	static int known;
	struct utsname u;

	if (!known)
		known = !uname(&u) && strstr(u.release, "nestling") ? 1 : 2;
	return known == 1;
}

#define G(e, want)                                                                                 \
	({                                                                                         \
		long g_ = 0;                                                                       \
		if (in_guest()) {                                                                  \
			errno = 0;                                                                 \
			g_ = (long)(e);                                                            \
			t_result(#e, g_, errno);                                                   \
		} else {                                                                           \
			say("%s = %s", #e, want);                                                  \
		}                                                                                  \
		g_;                                                                                \
	})
#define GIS(e) say("%s: %s", #e, !in_guest() || (e) ? "yes" : "no")
#define GT(e, want) say("%s: %s", #e, in_guest() ? (const char *)(e) : want)
#define GNEED(e) (in_guest() ? NEED(e) : 0)
#define GNEED0(e) NEED0(in_guest() ? (e) : 0)

#endif
