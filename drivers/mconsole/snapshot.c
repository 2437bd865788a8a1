/* SPDX-License-Identifier: MIT */
/*
 * snapshot.c: the management console's "snapshot": makes the host's files behind the disks
 * consistent and keeps them unchanged, so that they can be copied.
 *
 *     snapshot begin [SECONDS]   replies when that is done; if the request has a descriptor, the
 *                                snapshot ends when its other end is closed
 *     snapshot end [ID]
 *
 * All file systems on block devices are frozen as by FIFREEZE, in any mount namespace; those that
 * cannot be frozen are synced. Then changes of all disks that are files of the host are held
 * (queue_hold()), and the host's cached data of these files is flushed. If a file system was
 * mounted meanwhile, all this is repeated. The reply has lines of words; a name is the last word of
 * its line:
 *
 *      id ID
 *      seconds SECONDS
 *      fs DEVICE TYPE frozen|synced|read-only
 *      file ubdN DEPTH ro|rw|part FORMAT FD NAME
 *
 * DEPTH 0 is the file that is written; FD is a descriptor of the kernel process, since the file may
 * have no name. NAME may contain blanks; its control characters and backslashes are \ooo.
 *
 * States: none -> BEGINNING -> HELD -> none. A separate thread does all this and answers both
 * requests, so the console stays usable. A snapshot ends by "end", SECONDS or the descriptor.
 * Actions that release all disks (sysrq j, power-off) end it too, and a later "end" reports that.
 * While a snapshot exists the instance cannot be saved as a whole. Locks: lock for `now` and its
 * state; the rest of a snapshot is used by its thread only.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "drivers/mconsole/internal.h"
#include "drivers/mconsole/snapshot_host.h"
#include "kernel/block/block.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/state/state.h"
#include "kernel/vfs/super.h"

#define SECONDS 60
#define SECONDS_MAX 3600
#define TRIES 8 /* the guest may mount repeatedly */
#define LINE_MAX 8192

struct asker {
	struct mconsole_packet from;
	struct mconsole_call call;
};

struct snapshot {
	u64 id;
	u32 seconds;
	struct asker begin; /* client that began it */
	/* &ender once "end" was requested, else NULL; under lock. */
	struct asker *end;
	/* Preallocated: no memory may be available before the end, since writeback is held. */
	struct asker ender;
	char text[LINE_MAX], line[2 * LINE_MAX];
};

static DEFINE_MUTEX(lock);
static DECLARE_WAIT_QUEUE_HEAD(wait);
static struct snapshot *now;
static u64 last_id;
static int irq = -1;
/* Why the last snapshot ended; under lock. */
static const char *last_end = "it was never begun";

static void snapshot_irq(void *unused)
{
	wake_up(&wait);
}

bool snapshot_is_held(void)
{
	bool held;

	mutex_lock(&lock);
	held = now != NULL;
	mutex_unlock(&lock);
	return held;
}

/* ---- disks ---- */

/* Returns the next disk that is a file of the host, starting at *d and *n; NULL at the end. */
static struct gendisk *next_disk(struct mconsole_device **d, u32 *n)
{
	struct gendisk *disk;

	for (; *d; *d = mconsole_next_device(*d), *n = 0)
		for (; (*d)->disk && *n < (*d)->numbers; ++*n) {
			disk = (*d)->disk(*n);
			if (disk)
				return disk;
		}
	return NULL;
}

#define for_each_disk(disk, d, n)                                                                  \
	for (d = mconsole_next_device(NULL), n = 0; ((disk) = next_disk(&(d), &(n))); (n)++)

static bool have_disks(void)
{
	struct mconsole_device *d = mconsole_next_device(NULL);
	u32 n = 0;

	return next_disk(&d, &n) != NULL;
}

static void hold_disks(void)
{
	struct mconsole_device *d;
	struct gendisk *disk;
	u32 n;

	for_each_disk(disk, d, n) queue_hold(disk);
}

static int flush_disks(char *failed, size_t size)
{
	struct mconsole_device *d;
	struct gendisk *disk;
	u32 n;
	int err;

	for_each_disk(disk, d, n)
	{
		err = disk->ro ? 0 : bdev_flush(disk->part[0]);
		if (!err)
			continue;
		scnprintf(failed, size, "%s", disk->name);
		return err;
	}
	return 0;
}

/*
 * True if a disk is still held, so the snapshot is valid: sysrq j and power-off release all of
 * them. Disks that were added later do not count.
 */
static bool still_held(void)
{
	struct mconsole_device *d;
	struct gendisk *disk;
	bool any = false;
	u32 n;

	for_each_disk(disk, d, n) any |= queue_is_held(disk);
	return any;
}

static int freeze(char *failed, size_t size)
{
	int err;

	for (u32 i = 0; i < TRIES; i++) {
		err = freeze_for_snapshot(failed, size);
		if (err)
			return err;
		hold_disks();
		if (frozen_for_snapshot())
			return flush_disks(failed, size);
		/* a new file system's mount waits for the disks */
		disks_release();
	}
	return -EBUSY;
}

/*
 * Thaws the file systems. Disks are released first: a task that waits for a disk may hold locks
 * that thawing needs.
 */
static void thaw(void)
{
	disks_release();
	thaw_after_snapshot();
}

/* ---- the reply ---- */

/* Prints a name; control characters, which could end the line, and \ are escaped as \ooo. */
static void put_name(struct snapshot *s, const char *name)
{
	size_t n = 0;

	for (; *name && n + 5 < sizeof(s->line); name++) {
		if ((u8)*name < ' ' || *name == '\\' || *name == 0x7f)
			n += scnprintf(s->line + n, sizeof(s->line) - n, "\\%03o", (u8)*name);
		else
			s->line[n++] = *name;
	}
	mconsole_write(&s->begin.call, s->line, n);
}

static void print_super(const char *dev, const char *type, enum super_rest rest, void *arg)
{
	static const char *const words[] = { "read-only", "frozen", "synced" };
	struct snapshot *s = arg;

	mconsole_print(&s->begin.call, "fs %s %s %s\n", dev, type, words[rest]);
}

static void print_snapshot(struct snapshot *s)
{
	struct mconsole_call *c = &s->begin.call;
	struct mconsole_device *d;
	struct gendisk *disk;
	u32 n;

	mconsole_print(c, "id %lu seconds %u\n", s->id, s->seconds);
	snapshot_supers(print_super, s);
	for_each_disk(disk, d, n)
	{
		for (u32 depth = 0; !d->file(n, depth, s->text, sizeof(s->text)); depth++) {
			mconsole_print(c, "file %s%u %u ", d->name, n, depth);
			put_name(s, s->text);
			mconsole_write(c, "\n", 1);
		}
	}
}

/* ---- the thread ---- */

static struct asker *said_end(struct snapshot *s)
{
	struct asker *a;

	mutex_lock(&lock);
	a = s->end;
	mutex_unlock(&lock);
	return a;
}

/* Waits until the snapshot ends. Returns NULL if "end" was requested, else the reason as text. */
static const char *hold(struct snapshot *s)
{
	int why = SNAPSHOT_GOES_ON;

	wait_event_idle(
		&wait, READ_ONCE(s->end) || (why = snapshot_host_look()) != SNAPSHOT_GOES_ON);
	if (!still_held())
		return "the disks were released by the guest";
	if (said_end(s))
		return NULL;
	return why == SNAPSHOT_TIME ? "its time was over" : "its client had gone";
}

/* Freezes the disks, answers the client, and waits for the end. Returns as hold(). */
static const char *begin(struct snapshot *s)
{
	char failed[32] = "";
	int err = have_disks() ? freeze(failed, sizeof(failed)) : -ENODEV;

	if (err == -ENODEV) {
		mconsole_fail(&s->begin.call, err, "snapshot: the instance has no disk");
		return "there is no disk";
	}
	if (err) {
		mconsole_fail(&s->begin.call, err, "snapshot: %s%s%s", failed[0] ? failed : "",
			failed[0] ? ": " : "",
			err == -EBUSY ?
				"file systems come and go, or the instance is about to end" :
				arch_strerror(err));
		return "it could not be begun";
	}
	print_snapshot(s);
	mconsole_end(&s->begin.call, 0);
	return s->begin.call.lost ? "its client has gone" : hold(s);
}

static int snapshot_thread(void *arg)
{
	struct snapshot *s = arg;
	const char *why = begin(s);
	struct asker *end;

	thaw();
	snapshot_host_end();
	mutex_lock(&lock);
	end = s->end;
	now = NULL;
	last_end = why ? why : "it has ended";
	mutex_unlock(&lock);
	if (why)
		pr_notice("mconsole: snapshot %lu: %s\n", s->id, why);
	if (end && why)
		mconsole_fail(&end->call, -ECANCELED, "snapshot: %s", why);
	else if (end)
		mconsole_end(&end->call, 0);
	kfree(s);
	return 0;
}

/* ---- requests ---- */

/* Begins a snapshot. Returns 0, and its thread answers the client; or -errno. */
static int start(struct mconsole_call *c, u32 seconds)
{
	struct snapshot *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err;

	if (irq < 0)
		irq = irq_register("snapshot", snapshot_irq, NULL);
	err = !s ? -ENOMEM : irq;
	if (err >= 0)
		err = snapshot_host_begin(mconsole_host_take(c->from, 0), seconds, irq);
	if (err) {
		kfree(s);
		return err;
	}
	s->id = ++last_id;
	s->seconds = seconds;
	mconsole_take(&s->begin.call, &s->begin.from, c);
	now = s;
	if (kthread_run(snapshot_thread, s, "snapshot"))
		return 0;
	now = NULL;
	snapshot_host_end();
	kfree(s);
	c->ended = false;
	return -ENOMEM;
}

/* True if the present snapshot must end but its thread has not noticed yet. */
static bool is_ending(void)
{
	return now->end || snapshot_host_look() != SNAPSHOT_GOES_ON;
}

static void cmd_begin(struct mconsole_call *c, const char *args)
{
	u64 seconds = SECONDS;
	int err;

	if (mconsole_not_with_reset(c, "snapshot"))
		return;
	if (*args && (kstrtou64(args, 10, &seconds) || !seconds || seconds > SECONDS_MAX)) {
		mconsole_fail(c, -EINVAL, "snapshot begin: expected 1 to %d seconds", SECONDS_MAX);
		return;
	}
	mutex_lock(&lock);
	err = !now ? start(c, (u32)seconds) : is_ending() ? -EAGAIN : -EBUSY;
	mutex_unlock(&lock);
	if (err == -EBUSY)
		mconsole_fail(c, err, "snapshot: one is under way already (%lu)", last_id);
	else if (err == -EAGAIN)
		mconsole_fail(c, err, "snapshot: one is about to end (%lu)", last_id);
	else if (err)
		mconsole_fail(c, err, "snapshot: %s",
			err == -EPERM ? "what came along is neither a pipe nor a socket" :
					arch_strerror(err));
}

static void cmd_end(struct mconsole_call *c, const char *args)
{
	u64 id = 0;
	int err = *args && kstrtou64(args, 10, &id) ? -EINVAL : 0;
	const char *why = err ? arch_strerror(err) : NULL;

	mutex_lock(&lock);
	if (!err && (!now || (id && id != now->id))) {
		err = -ENOENT;
		why = id && id != last_id ? "no snapshot has this number" : last_end;
	} else if (!err && now->end) {
		err = -EALREADY;
		why = "it is about to end";
	} else if (!err) {
		mconsole_take(&now->ender.call, &now->ender.from, c);
		WRITE_ONCE(now->end, &now->ender);
		wake_up(&wait);
	}
	mutex_unlock(&lock);
	if (err)
		mconsole_fail(c, err, "snapshot: %s", why);
}

void mconsole_snapshot(struct mconsole_call *c)
{
	const char *rest = c->args + strcspn(c->args, " \t");
	size_t word = (size_t)(rest - c->args);

	rest += strspn(rest, " \t");
	if (word == 5 && !strncmp(c->args, "begin", 5))
		cmd_begin(c, rest);
	else if (word == 3 && !strncmp(c->args, "end", 3))
		cmd_end(c, rest);
	else
		mconsole_fail(c, -EINVAL, "snapshot: expected begin [SECONDS] or end [ID]");
}

static int describe(const char *dir, struct state_why *why)
{
	if (!READ_ONCE(now))
		return 0;
	scnprintf(why->text, sizeof(why->text), "a snapshot of the disks is under way (%lu)",
		last_id);
	return -EBUSY;
}

static int go_back(const char *dir, struct state_why *why)
{
	if (!snapshot_is_held())
		return 0;
	scnprintf(why->text, sizeof(why->text), "a snapshot is under way");
	return -EBUSY;
}

STATE_PART(snapshot_state) = {
	.name = "snapshot",
	.describe = describe,
	.go_back = go_back,
};
