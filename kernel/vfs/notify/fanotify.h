/* SPDX-License-Identifier: MIT */
/*
 * fanotify.h: declarations shared by fanotify.c (groups and marks), fanotify_event.c (queues
 * events) and fanotify_read.c (reads them).
 *
 * A group is an open file. Its marks are on inodes, mounts and superblocks; all marks are in one
 * hash, by their object. For an event, fanotify_event.c finds the marks of its file, directory,
 * mount and superblock, combines their masks for each group, and queues the event in each group
 * that has selected it.
 *
 * Locks: fanotify_lock, a mutex, for marks and group->acc_*; group->wqh.lock for the queues and the
 * states of permission events. The eviction of an inode, also by reclaim, removes its marks under
 * fanotify_lock. So allocations with the lock held are GFP_NOFS.
 */
#ifndef NESTLING_IPC_FANOTIFY_H
#define NESTLING_IPC_FANOTIFY_H

#include <asm/errno.h>
#include <linux/fanotify.h>
#include <linux/fcntl.h>

#include "kernel/vfs/notify/notify.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"

#define FAN_FID_BITS (FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID)
#define FAN_PERM_EVENTS (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)
#define FAN_PATH_EVENTS                                                                            \
	(FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN | FAN_OPEN_EXEC | FAN_PERM_EVENTS)
#define FAN_DIRENT_EVENTS (FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_RENAME)

enum fan_type { FAN_ON_INODE, FAN_ON_MOUNT, FAN_ON_SB };

struct fan_group {
	/* References: of the file, and of waiting permission events. */
	atomic_t refs;
	u32 flags, event_f_flags; /* FAN_*; O_* of the events' files */
	bool unprivileged;        /* made without CAP_SYS_ADMIN */
	/*
	 * Limits the number of groups and marks of the user. The file keeps the user namespace
	 * alive.
	 */
	struct ucounts *uc;
	/* List of fan_mark.group_link of all marks; under fanotify_lock. */
	struct list_head marks;
	u32 nr_marks; /* under fanotify_lock */
	/*
	 * Link in the list of groups that one event has found. This and acc_* are under
	 * fanotify_lock.
	 */
	struct list_head hit;
	/*
	 * Combined masks of the marks that one event has found. acc_rename: bit 0: the old
	 * directory is marked; bit 1: the new one is.
	 */
	u32 acc_mask, acc_ignored, acc_rename;
	struct wait_queue_head wqh;
	/* Lists of fan_event.link. events: to be read; asked: permission events to be answered. */
	struct list_head events, asked;
	u32 nr_events; /* in @events */
	/* Value of fs.fanotify.max_queued_events when the group was made; immutable. */
	u32 max_events;
	bool dead; /* the file was closed; under wqh.lock */
};

struct fan_mark {
	struct hlist_node node; /* hashed by object */
	struct list_head group_link;
	struct fan_group *group;
	/*
	 * The marked object: an inode (with a reference unless evictable), a mount or a superblock.
	 */
	const void *object;
	enum fan_type type;
	u32 mask, ignored;
	/* FAN_MARK_IGNORED_SURV_MODIFY, FAN_MARK_IGNORE, FAN_MARK_EVICTABLE */
	u32 flags;
};

struct fan_fid {
	u32 bytes; /* 0: no handle */
	s32 type;
	u32 fsid[2];
	u32 fh[3];
};

struct fan_event {
	struct list_head link;
	u32 mask;         /* FAN_* */
	struct pid *pid;  /* that caused the event; referenced */
	struct path path; /* with references, or NULL */
	struct fan_fid object, dir, new_dir;
	char *name, *new_name; /* NUL-terminated, in @text, or NULL */
	/* FAN_FS_ERROR: the first error, and the number of errors that this event reports. */
	s32 error;
	u32 error_count;
	/* True for a permission event. This and the next two are under group->wqh.lock. */
	bool permission;
	int fd;       /* by which the listener answers */
	u32 response; /* FAN_ALLOW, FAN_DENY; 0: no answer yet */
	char text[];
};

extern struct mutex fanotify_lock;
extern const struct file_operations fanotify_fops;

void fan_group_put(struct fan_group *g);  /* drops a reference */
void fan_event_free(struct fan_event *e); /* @e is unlinked, or NULL; may sleep */
/* Calls @fn for each mark of @object. The caller holds fanotify_lock. */
void fan_for_each_mark(const void *object, void (*fn)(struct fan_mark *m, void *arg), void *arg);
int fan_fsid(struct super_block *sb, u32 fsid[2]); /* 0, or -ENODEV: it has no id */
/* Makes the group dead: frees its unread events, and wakes up the tasks that wait for answers. */
void fan_release_events(struct fan_group *g);
int fanotify_release(struct inode *inode, struct file *f);

#endif
