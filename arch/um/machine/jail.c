/* SPDX-License-Identifier: MIT */
/*
 * jail.c: jail=: the kernel process is jailed before the first instruction of the guest. jail=log
 * reports which calls of the host it makes beside those of the table that `nestling --jail` prints
 * (os-linux/jail/table.c; docs/security.md).
 */
#include "arch/um/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "skas/skas.h"

static enum { NONE, LOG, JAIL } wanted;

static int set_jail(const char *value)
{
	static const char *const values[] = { [NONE] = "off", [LOG] = "log", [JAIL] = "on" };

	for (int i = NONE; i <= JAIL; i++)
		if (!strcmp(value, values[i])) {
			wanted = i;
			return 0;
		}
	refuse("jail=%s: on, log or off", value);
}
PARAM("jail=", set_jail, "on|log|off: the kernel process has no right that it does not need (off)");

void arch_jail(void)
{
	int err = 0;

	if (wanted != JAIL)
		os_jail_none();
	if (wanted == JAIL)
		err = os_jail_close(!strcmp(skas_mode_name(), "ptrace"));
	else if (wanted == LOG)
		err = os_jail_log();
	if (err)
		refuse("jail=%s: %s", wanted == LOG ? "log" : "on", os_why(err));
}
