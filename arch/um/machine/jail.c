/* SPDX-License-Identifier: MIT */
/*
 * jail.c: jail=log: which calls of the host the kernel process makes while the guest runs, beside
 * those of the table that `nestling --jail` prints (os-linux/jail_table.c; docs/security.md).
 */
#include "arch/um/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

static bool log_calls;

static int set_jail(const char *value)
{
	if (strcmp(value, "log") && strcmp(value, "off"))
		refuse("jail=%s: log or off", value);
	log_calls = !strcmp(value, "log");
	return 0;
}
PARAM("jail=", set_jail, "log|off: report the host's calls that --jail does not list (off)");

void arch_jail(void)
{
	int err = log_calls ? os_jail_log() : 0;

	if (err)
		refuse("jail=log: %s", os_why(err));
}
