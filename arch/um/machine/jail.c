/* SPDX-License-Identifier: MIT */
/*
 * jail.c: jail=: the kernel process is jailed before the first instruction of the guest. jail=log
 * only logs the host calls that are not in the table that `nestling --jail` prints
 * (os-linux/jail/table.c; docs/security.md). Without jail= there is a jail if the host can make
 * one.
 */
#include "arch/um/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "skas/skas.h"

static enum { ANY, NONE, LOG, JAIL } wanted;

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
PARAM("jail=", set_jail,
	"on|log|off: the kernel process has no right that it does not need (on, where the host "
	"can)");

static int set_user(const char *value)
{
	return 0; /* os-linux has parsed the parameter */
}
PARAM("user=", set_user,
	"NAME|UID|UID:GID|dynamic[,optional]: the kernel process, its spaces and helpers are this "
	"user's (dynamic: one that no other instance has), in namespaces of their own (an instance "
	"that root starts)");

/*
 * True if the process is to be jailed. False with jail=off or jail=log, or without jail=on if the
 * host cannot make a jail.
 */
static bool is_to_be_jailed(void)
{
	const char *obstacle = os_jail_obstacle();

	if (wanted == NONE)
		pr_info("jail: off, as asked for: this process has the rights of its user\n");
	if (wanted == NONE || wanted == LOG)
		return false;
	if (obstacle && wanted == JAIL)
		refuse("jail=on: %s", obstacle);
	if (obstacle)
		pr_warn("jail: off: %s\n", obstacle);
	return !obstacle;
}

/*
 * Passes the words of the first boot's command line to the jail. A restored instance needs them for
 * its cards.
 */
static void name_words(void)
{
	static char word[4096];
	size_t n;

	for (const char *p = boot_command_line; *p; p += n + (p[n] == ' ')) {
		n = strcspn(p, " ");
		if (!n || n >= sizeof(word))
			continue;
		memcpy(word, p, n);
		word[n] = 0;
		os_jail_word(word);
	}
}

void arch_jail(void)
{
	bool jail = is_to_be_jailed();
	const char *why;
	int err = 0;

	if (skas_trial(&why))
		refuse("%s", why);
	if (!jail && os_jail_has_user())
		refuse("user=: needs a jail");
	if (!jail)
		os_jail_none();
	if (jail)
		name_words();
	if (jail)
		err = os_jail_close(!strcmp(skas_mode_name(), "ptrace"));
	else if (wanted == LOG)
		err = os_jail_log();
	if (!err && os_jail_user_note())
		pr_warn("jail: %s\n", os_jail_user_note());
	if (!err && jail && os_jail_folders_note())
		pr_info("jail: %s\n", os_jail_folders_note());
	if (err && jail)
		refuse("jail=on: %s (jail=off does without)", os_why(err));
	if (err)
		refuse("jail=log: %s", os_why(err));
	err = os_workers_release();
	if (err)
		refuse("no thread for a device: %s", os_why(err));
}
