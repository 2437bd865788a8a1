/* SPDX-License-Identifier: MIT */
/*
 * notify.c: mconsole=notify:SOCKET: notifies the program that started the instance, in User Mode
 * Linux's packets, of the path of its console, a panic, an expired watchdog, and text written to
 * /proc/mconsole.
 *
 * Locks: none. A packet is sent in the context of its event, without blocking: if the listener does
 * not read, the packet is lost.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/internal.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define MAGIC 0xcafebabe
#define VERSION 2

enum { NOTIFY_SOCKET, NOTIFY_PANIC, NOTIFY_HANG, NOTIFY_USER };
struct notify {
	u32 magic, version;
	s32 type;
	u32 len; /* of the text, without its zero */
	char data[MCONSOLE_DATA];
};
BUILD_BUG_ON(sizeof(struct notify) != 16 + MCONSOLE_DATA);

static char path[108];

bool mconsole_notify_set(const char *s)
{
	return *s == '/' && strscpy(path, s, sizeof(path)) > 0;
}

static int notify(int type, const char *text, size_t len)
{
	struct notify n = { .magic = MAGIC, .version = VERSION, .type = type };

	n.len = (u32)min(len, sizeof(n.data) - 1);
	memcpy(n.data, text, n.len);
	return mconsole_host_notify(path, &n, sizeof(n));
}

static void notify_panic(const char *text)
{
	notify(NOTIFY_PANIC, text, strlen(text));
}

static void notify_hang(const char *text)
{
	notify(NOTIFY_HANG, text, strlen(text));
}

static int store_user(char *text, size_t n, void *unused)
{
	return notify(NOTIFY_USER, text, n);
}

static const struct trouble_ops ops = { .panic = notify_panic, .hang = notify_hang };

void mconsole_notify_again(const char *console)
{
	int err = path[0] ? notify(NOTIFY_SOCKET, console, strlen(console)) : 0;

	if (err)
		pr_notice("mconsole=notify:%s: %s\n", path, arch_strerror(err));
}

void mconsole_notify_start(const char *console)
{
	int err;

	if (!path[0])
		return;
	err = notify(NOTIFY_SOCKET, console, strlen(console));
	if (err)
		refuse("mconsole=notify:%s: %s", path, arch_strerror(err));
	trouble_ops = &ops;
	if (proc_create("mconsole", 0200, NULL, store_user, NULL))
		pr_warn("mconsole: no memory for /proc/mconsole\n");
}
