/* SPDX-License-Identifier: MIT */
/*
 * ubd_state.c: disks in a saved state (kernel/state/state.h).
 *
 * The state has the content of each file that a disk writes: a COW file or a raw file. A thread of
 * the host copies before the stop and after it (state_host.c). For an image that is only read, the
 * state has its size and time, and another image is refused. In the new process the command line
 * may name other files for the same disks (ubd0=...); a disk that it does not name keeps its files.
 * The set of disks, with those added or removed at run time, is as of the save.
 *
 * The file of a disk that is written gets the state's content before it is opened, even if it is
 * the disk's earlier file: later writes are undone. A file without a name is put over the state's
 * files instead.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/ubd/ubd.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/task.h"
#include "kernel/state/state.h"
#include "kernel/time/time.h"
#include "os-linux/os.h"

/* ns between two checks whether the thread has ended */
#define COPY_LOOK_NS 500000

#define for_each_disk(u)                                                                           \
	for (struct ubd *u = ubd_units; u < ubd_units + UBD_UNITS; u++)                            \
		if (u->host)

static u32 unit_of(const struct ubd *u)
{
	return (u32)(u - ubd_units);
}

static bool ubd_quiet(void)
{
	for_each_disk(u) if (!ubd_host_is_quiet(u->host)) return false;
	return true;
}

/* ---- saving ---- */

static bool is_saved(const struct ubd *u)
{
	return u->host && !u->disk.ro;
}

/* Refuses a file shared by two instances that write: no content of it belongs to the state. */
static int begin_disk(struct ubd *u, const char *dir, struct state_why *why)
{
	int err;

	if (u->flags & UBD_F_SHARED) {
		scnprintf(why->text, sizeof(why->text),
			"%s: %.200s is shared with other instances (flag c), which cannot be saved",
			u->param, u->file);
		return -EOPNOTSUPP;
	}
	err = ubd_host_save_begin(u->host, unit_of(u), dir);
	if (err)
		scnprintf(why->text, sizeof(why->text), "%s: %s", u->param, arch_strerror(err));
	return err;
}

/* Waits for the thread that copies. @stopped: no other task can run. */
static int wait_for_disk(struct ubd *u, bool stopped, struct state_why *why)
{
	int err = 0;

	while (u->host) {
		err = ubd_host_save_wait(u->host, why->text, sizeof(why->text));
		if (err != -EINPROGRESS)
			break;
		if (stopped) {
			machine_pause(COPY_LOOK_NS);
			continue;
		}
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_until((struct wait_until){ .at = ktime_get() + COPY_LOOK_NS });
	}
	return err;
}

static int check_image(struct ubd *u, struct state_why *why)
{
	char line[sizeof(why->text) - sizeof(u->param) - 2];
	int err = ubd_host_save_may(u->host, &u->base, line, sizeof(line));

	if (err)
		scnprintf(why->text, sizeof(why->text), "%s: %s", u->param, line);
	return err;
}

static int ubd_prepare(const char *dir, struct state_why *why)
{
	struct state_why other;
	int err = 0;

	for_each_disk(u)
	{
		if (!err && u->host)
			err = check_image(u, why);
	}
	for_each_disk(u)
	{
		if (!err && is_saved(u))
			err = begin_disk(u, dir, why);
	}
	/* after an error too: the thread of a disk that was begun works with the job, which ends */
	for_each_disk(u)
	{
		int failed = is_saved(u) ? wait_for_disk(u, false, err ? &other : why) : 0;

		err = err ? err : failed;
	}
	return err;
}

static int ubd_describe(const char *dir, struct state_why *why)
{
	int err = 0;

	for_each_disk(u)
	{
		u->given_again = false;
		if (!err && is_saved(u))
			err = ubd_host_save_stop(u->host);
	}
	ubd_is_saved = !err;
	return err;
}

static void ubd_undescribe(bool saved)
{
	ubd_is_saved = false;
	for_each_disk(u)
	{
		if (!saved && is_saved(u))
			ubd_host_save_undo(u->host);
	}
}

static int ubd_finish(bool saved, bool stopped, struct state_why *why)
{
	struct state_why other;
	int result = 0;

	for_each_disk(u)
	{
		if (is_saved(u))
			ubd_host_save_end(u->host, saved);
	}
	for_each_disk(u)
	{
		int err = is_saved(u) ? wait_for_disk(u, stopped, result ? &other : why) : 0;

		result = result ? result : err;
	}
	return result;
}

/* ---- continuing from a state ---- */

static int refuse_disk(
	struct state_why *why, const struct ubd *u, const char *file, const char *what)
{
	scnprintf(why->text, sizeof(why->text), "%s: %.200s: %s", u->param, file, what);
	return -EINVAL;
}

/* Returns 0 if what was opened is the disk that the guest knows. */
static int check_disk(const struct ubd *u, const struct ubd_open *o, struct state_why *why)
{
	if (o->size >> SECTOR_SHIFT != u->disk.capacity) {
		scnprintf(why->text, sizeof(why->text),
			"%s: %.200s is a disk of %lu bytes, and the state's has %lu", u->param,
			u->file, (unsigned long)o->size,
			(unsigned long)(u->disk.capacity << SECTOR_SHIFT));
		return -EINVAL;
	}
	if (!o->rdonly != !u->disk.ro)
		return refuse_disk(why, u, u->file,
			o->rdonly ? "is read-only, and was written when the state was saved" :
				    "can be written, and was read-only when the state was saved");
	if (o->base.size != u->base.size || o->base.ns != u->base.ns)
		return refuse_disk(why, u, o->base.size ? o->base.file : u->file,
			"is not the image that the state is over, or has changed since: put back "
			"the one from before, with its time");
	return 0;
}

/* Maps the image at its earlier frame numbers. */
static int map_again(struct ubd *u, struct state_why *why)
{
	u64 bytes = 0;
	int file = ubd_host_image(u->host, &bytes), err = file < 0 ? file : 0;

	if (!err && bytes >> PAGE_SHIFT != u->nr_frames)
		err = -EINVAL;
	if (!err)
		err = arch_region_again(u->frames, file);
	/* the region owns the file that it maps */
	if (err && file >= 0)
		os_file_close(file);
	return err ? refuse_disk(why, u, u->file, "its image cannot be mapped as it was") : 0;
}

static int open_again(struct ubd *u, const char *dir, struct state_why *why)
{
	const struct ubd_open *o;
	int err = ubd_open_host(
		u, unit_of(u), u->disk.ro ? NULL : dir, &o, why->text, sizeof(why->text));

	if (!err)
		err = check_disk(u, o, why);
	if (err)
		return err;
	ubd_take_over(u, o);
	return u->frames ? map_again(u, why) : 0;
}

static int ubd_rebuild(const char *dir, struct state_why *why)
{
	int err = 0;

	for_each_disk(u)
	{
		/* the file of a temporary disk was that of the saved instance */
		if (!u->given_again)
			u->flags &= ~(u32)UBD_F_TEMPORARY;
		if (!err)
			err = open_again(u, dir, why);
	}
	ubd_is_saved = false;
	return err;
}

/* ---- going back in place ---- */

static int disk_failed(const struct ubd *u, int err, struct state_why *why)
{
	if (err)
		scnprintf(why->text, sizeof(why->text), "%s: %s", u->param, arch_strerror(err));
	return err;
}

/* Called at a mark. From now on writes go to memory of the host. */
static int ubd_mark(struct state_why *why)
{
	int err = 0;

	for_each_disk(u)
	{
		if (!err && is_saved(u))
			err = disk_failed(u, ubd_host_mark(u->host), why);
	}
	return err;
}

static int ubd_put_back(struct state_why *why)
{
	int err = 0;

	for_each_disk(u)
	{
		if (!err && is_saved(u))
			err = disk_failed(u, ubd_host_put_back(u->host), why);
	}
	return err;
}

static void ubd_unmark(void)
{
	for_each_disk(u)
	{
		if (is_saved(u))
			ubd_host_unmark(u->host);
	}
}

/* ---- rollback in place ---- */

static bool ubd_note(void)
{
	for_each_disk(u) if (is_saved(u) && ubd_host_note(u->host)) return false;
	return true;
}

static int ubd_go_back(const char *dir, struct state_why *why)
{
	int err = 0;

	for_each_disk(u)
	{
		if (!err && is_saved(u))
			err = disk_failed(u, ubd_host_go_back(u->host, dir), why);
	}
	return err;
}

STATE_PART(ubd_state) = {
	.name = "ubd",
	.quiet = ubd_quiet,
	.prepare = ubd_prepare,
	.describe = ubd_describe,
	.undescribe = ubd_undescribe,
	.finish = ubd_finish,
	.rebuild = ubd_rebuild,
	.mark = ubd_mark,
	.put_back = ubd_put_back,
	.unmark = ubd_unmark,
	.note = ubd_note,
	.go_back = ubd_go_back,
};
