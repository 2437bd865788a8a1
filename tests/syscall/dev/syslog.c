/* SPDX-License-Identifier: MIT */
/*
 * syslog(2), reboot(2), vhangup(2): sizes, errors and permissions, without any call that would
 * disturb the machine.
 */
#include "t.h"
#include <sys/reboot.h>

TEST(syslog)
{
	char buf[64];

	say("size of the log: %d", syscall(SYS_syslog, 10, NULL, 0) > 0);
	say("read: %d", syscall(SYS_syslog, 3, buf, sizeof(buf)) >= 0);
	T(syscall(SYS_syslog, 3, NULL, 10));
	T(syscall(SYS_syslog, 3, buf, -1));
	T(syscall(SYS_syslog, 3, buf, 0));
	T(syscall(SYS_syslog, 8, NULL, 99));
	T(syscall(SYS_syslog, 77, NULL, 0));
	T(syscall(SYS_syslog, 0, NULL, 0));
	T(syscall(SYS_syslog, 1, NULL, 0));
	T(syscall(SYS_reboot, 1, 2, 0, NULL));
	T(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x12345, NULL));
	CHILD({
		NEED(setuid(65534));
		T(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL));
		T(syscall(SYS_syslog, 5, NULL, 0));
		T(syscall(SYS_vhangup));
	});
}
