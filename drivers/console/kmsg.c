/* SPDX-License-Identifier: MIT */
/*
 * kmsg.c: kmsg=FILE: every kernel message is also written to a file of the host, or to stderr,
 * independent of quiet and loglevel=.
 *
 * While the instance is saved, @file is 0: in another process the handle would belong to another
 * file. Messages of that time, and of a restore before the file is reopened, are stored in @early
 * and written later.
 *
 * Locks: none; printk.c has one writer at a time.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/lost.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/state/state.h"
#include "os-linux/os.h"

/* file: the file's handle, or 0. live_file: the handle, as describe() keeps it during a save. */
static int file, live_file;
static u64 end;
static char path[1024];
static char name[128]; /* "kmsg=FILE" */
/* Messages that came while there was no file, and their length. */
static char early[8192];
static size_t early_len;

static void write_stderr(struct console *con, const char *s, size_t n)
{
	os_write_stderr(s, n);
}

/*
 * Appends a message to the file. If the host's disk is full, the lost bytes are counted, and
 * reported when the instance ends.
 */
static void add(const char *s, size_t n)
{
	long done = os_file_pwrite(file, s, n, end);

	if (done > 0)
		end += (u64)done;
	if (done < (long)n)
		note_lost(name, n - (size_t)max(done, 0L), done < 0 ? (int)done : -ENOSPC);
}

static void write_file(struct console *con, const char *s, size_t n)
{
	if (file) {
		add(s, n);
	} else if (n <= sizeof(early) - early_len) {
		memcpy(early + early_len, s, n);
		early_len += n;
	} else {
		note_lost(name, n, -ENOSPC);
	}
}

/* Writes the stored messages to the file. */
static void add_early(void)
{
	if (early_len)
		add(early, early_len);
	early_len = 0;
}

/* Opens the file for appending. Returns 0 or -errno. */
static int open_file(void)
{
	int handle = os_file_open(path, OS_WRITE | OS_CREATE);
	s64 size = handle < 0 ? handle : os_file_size(handle);

	if (size < 0)
		return (int)size;
	end = (u64)size;
	file = handle;
	return 0;
}

static int set_kmsg(const char *value)
{
	static struct console con = { .name = "kmsg", .everything = true };
	int err;

	con.write = !strcmp(value, "stderr") ? write_stderr : write_file;
	if (con.write == write_file) {
		err = strscpy(path, value, sizeof(path)) < 0 ? -ENAMETOOLONG : open_file();
		if (err)
			refuse("kmsg=%s: %s", value, arch_strerror(err));
		scnprintf(name, sizeof(name), "kmsg=%s", value);
	}
	if (!con.list.next)
		console_register(&con);
	return 0;
}
PARAM("kmsg=", set_kmsg, "FILE or stderr: kernel messages of all levels are added to it");

static int describe(const char *dir, struct state_why *why)
{
	live_file = file;
	file = 0;
	return 0;
}

/* Also called if the save failed before describe(). */
static void undescribe(bool saved)
{
	if (live_file)
		file = live_file;
	live_file = 0;
	if (file)
		add_early();
}

static int rebuild(const char *dir, struct state_why *why)
{
	int err = path[0] && !file ? open_file() : 0;

	if (err)
		scnprintf(
			why->text, sizeof(why->text), "kmsg=%.300s: %s", path, arch_strerror(err));
	else if (file)
		add_early();
	return err;
}

/* Sets @end to the file's size. A rollback does not shorten the file, which may have grown. */
static void find_end(int handle)
{
	s64 size = handle ? os_file_size(handle) : 0;

	if (size > 0)
		end = (u64)size;
}

static void returned(void)
{
	find_end(live_file);
}

static void resumed(void)
{
	find_end(file);
}

STATE_PART(kmsg_state) = {
	.name = "kmsg",
	.describe = describe,
	.undescribe = undescribe,
	.returned = returned,
	.resumed = resumed,
	.rebuild = rebuild,
};
