/* SPDX-License-Identifier: MIT */
/*
 * kmsg.c: kmsg=FILE: every kernel message is also written to a file of the host, or to stderr,
 * independent of quiet and loglevel=.
 *
 * Locks: none; printk.c has one writer at a time.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/lost.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "os-linux/os.h"

static int file;
static u64 end;
static char name[128]; /* "kmsg=FILE" */

static void write_stderr(struct console *con, const char *s, size_t n)
{
	os_write_stderr(s, n);
}

/* Writes a message. A full host disk loses lines, which the end of the instance reports. */
static void write_file(struct console *con, const char *s, size_t n)
{
	long done = os_file_pwrite(file, s, n, end);

	if (done > 0)
		end += (u64)done;
	if (done < (long)n)
		note_lost(name, n - (size_t)max(done, 0L), done < 0 ? (int)done : -ENOSPC);
}

static int set_kmsg(const char *value)
{
	static struct console con = { .name = "kmsg", .everything = true };
	s64 size;

	con.write = !strcmp(value, "stderr") ? write_stderr : write_file;
	if (con.write == write_file) {
		file = os_file_open(value, OS_WRITE | OS_CREATE);
		size = file < 0 ? file : os_file_size(file);
		if (size < 0)
			refuse("kmsg=%s: %s", value, arch_strerror((int)size));
		end = (u64)size;
		scnprintf(name, sizeof(name), "kmsg=%s", value);
	}
	if (!con.list.next)
		console_register(&con);
	return 0;
}
PARAM("kmsg=", set_kmsg, "FILE or stderr: kernel messages of all levels are added to it");
