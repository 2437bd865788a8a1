/* SPDX-License-Identifier: MIT */
/*
 * lock_edges.c: lock_edges=FILE: at power-off a debug build writes its graph of lock orders to a
 * host file (kernel/lib/debug/lockdep.h has the format). If the host's disk is full, the last line,
 * "end", is missing.
 *
 * Locks: none; the file is written once, after file systems were synced.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/debug/lockdep.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/state/state.h"
#include "os-linux/os.h"

#define HELP "FILE: at its end the guest writes the order of locks that it saw (debug builds)"

#ifdef CONFIG_DEBUG
static int file;
static char path[1024];
static u64 end;
static bool failed;

static void write_file(const char *line, size_t n)
{
	if (failed)
		return;
	failed = os_file_pwrite(file, line, n, end) != (long)n;
	end += n;
}

static int set_lock_edges(const char *value)
{
	if (strscpy(path, value, sizeof(path)) < 0)
		refuse("lock_edges=%s: the path is too long", value);
	file = os_file_open(value, OS_WRITE | OS_CREATE | OS_TRUNC);
	if (file < 0)
		refuse("lock_edges=%s: %s", value, arch_strerror(file));
	lockdep_edges_to(write_file);
	return 0;
}

/*
 * Reopens the file after a restore. If that fails, the line "end" is missing, which marks the file
 * as incomplete.
 */
static int rebuild(const char *dir, struct state_why *why)
{
	if (path[0])
		file = os_file_open(path, OS_WRITE | OS_CREATE | OS_TRUNC);
	failed = file < 0;
	return 0;
}

STATE_PART(lock_edges_state) = {
	.name = "lock_edges",
	.rebuild = rebuild,
};
#else
static int set_lock_edges(const char *value)
{
	refuse("lock_edges=%s: only a debug build can (make MODE=debug)", value);
}
#endif
PARAM("lock_edges=", set_lock_edges, HELP);
