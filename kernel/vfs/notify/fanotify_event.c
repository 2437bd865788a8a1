/* SPDX-License-Identifier: MIT */
/*
 * fanotify_event.c: queues an event of a file in the groups that want it.
 *
 * For each group, the masks of its marks on the file, the directory (for events of its children
 * only with FAN_EVENT_ON_CHILD), the mount and the superblock are combined, and the bits of its
 * ignore masks are removed. An event that equals one in the queue (in file, process and names) is
 * merged with it. A permission event is never merged. The task that caused it waits until the
 * listener has answered or has closed its group, or for a fatal signal.
 */
#include <linux/stat.h>

#include "kernel/ident/pid.h"
#include "kernel/vfs/notify/fanotify.h"

/* Maximum of queued events that are compared with a new one. */
#define MERGE_MAX 128
/* Maximum of groups that can be asked for permission without an allocation. */
#define PERM_GROUPS 8

/* ---- the groups that want an event ---- */

struct gather {
	const struct fs_event *e;
	u32 mask;
	bool ondir;
	/* The marks are on the directory, and the event is about a child of it. */
	bool child;
	/*
	 * Bits for acc_rename. 1: the object is the old directory, 2: the new one, 3: their
	 * superblock, whose marks stand for both.
	 */
	u32 rename;
	struct list_head hit;
};

static u32 mark_ignored(const struct fan_mark *m, const struct gather *g)
{
	u32 flags = m->flags & FAN_MARK_IGNORE ?
			    m->ignored :
			    m->ignored | FAN_ONDIR | (m->mask & FAN_EVENT_ON_CHILD);

	if (g->ondir && !(flags & FAN_ONDIR))
		return 0;
	if (g->child && !(flags & FAN_EVENT_ON_CHILD))
		return 0;
	return m->ignored & ~(u32)(FAN_ONDIR | FAN_EVENT_ON_CHILD);
}

static u32 mark_wants(const struct fan_mark *m, const struct gather *g)
{
	if (g->ondir && !(m->mask & FAN_ONDIR))
		return 0;
	if (g->child && !(m->mask & FAN_EVENT_ON_CHILD))
		return 0;
	return m->mask & g->mask & ~(u32)(FAN_ONDIR | FAN_EVENT_ON_CHILD);
}

static void gather_mark(struct fan_mark *m, void *arg)
{
	struct gather *g = arg;
	struct fan_group *group = m->group;

	if (list_empty(&group->hit)) {
		group->acc_mask = group->acc_ignored = group->acc_rename = 0;
		list_add_tail(&group->hit, &g->hit);
	}
	if ((g->mask & FAN_MODIFY) && !(m->flags & FAN_MARK_IGNORED_SURV_MODIFY))
		m->ignored = 0;
	group->acc_mask |= mark_wants(m, g);
	group->acc_ignored |= mark_ignored(m, g);
	if (mark_wants(m, g) & FAN_RENAME)
		group->acc_rename |= g->rename;
}

static void gather_object(struct gather *g, const void *object, bool child, u32 rename)
{
	g->child = child;
	g->rename = rename;
	if (object)
		fan_for_each_mark(object, gather_mark, g);
}

/*
 * Collects in g->hit all groups that have a mark on an object of the event. fanotify_lock is held.
 * The caller must call fan_ungather() afterwards.
 */
static void fan_gather(struct gather *g, const struct fs_event *e)
{
	struct inode *any = e->inode ? e->inode : e->dir;

	g->e = e;
	g->mask = e->mask & ~FS_ISDIR;
	g->ondir = (e->mask & FS_ISDIR) || (e->inode && S_ISDIR(e->inode->i_mode));
	INIT_LIST_HEAD(&g->hit);
	if (e->dirent) {
		gather_object(g, e->dir, false, 1);
		if (e->new_dir)
			gather_object(g, e->new_dir, false, 2);
	} else {
		gather_object(g, e->inode, false, 0);
		if (e->dir)
			gather_object(g, e->dir, true, 0);
	}
	if (e->path)
		gather_object(g, e->path->mnt, false, 0);
	if (any)
		gather_object(g, any->i_sb, false, 3);
}

static void fan_ungather(struct gather *g)
{
	struct fan_group *group, *next;

	list_for_each_entry_safe(group, next, &g->hit, hit)
		list_del_init(&group->hit);
}

/*
 * True if the event has what the group reports: a file that can be opened, a directory, or a file
 * identifier.
 */
static bool fan_nameable(const struct fan_group *group, const struct gather *g)
{
	const struct fs_event *e = g->e;

	if (!(group->flags & FAN_FID_BITS))
		return e->path && (S_ISREG(e->inode->i_mode) || S_ISDIR(e->inode->i_mode));
	return (group->flags & FAN_REPORT_FID) || e->dir || g->ondir;
}

static u32 fan_wanted(const struct fan_group *group, const struct gather *g)
{
	if (!fan_nameable(group, g))
		return 0;
	return group->acc_mask & ~group->acc_ignored & g->mask;
}

/* ---- the event ---- */

static void set_fid(struct fan_fid *fid, struct inode *inode)
{
	if (!inode || fan_fsid(inode->i_sb, fid->fsid))
		return;
	fid->bytes = inode_handle(inode, fid->fh);
	fid->type = inode_handle_type(inode);
}

/* Sets the identifiers that the group's flags request: of file and directory, and the name. */
static void set_fids(
	struct fan_event *ev, const struct fan_group *group, const struct fs_event *e, bool ondir)
{
	u32 f = group->flags;
	bool target = e->dirent && (f & FAN_REPORT_TARGET_FID);

	if (!(f & FAN_REPORT_DIR_FID)) {
		set_fid(&ev->object, e->dirent ? e->dir : e->inode);
		return;
	}
	if (e->new_dir) {
		if (group->acc_rename & 1)
			set_fid(&ev->dir, e->dir);
		if (group->acc_rename & 2)
			set_fid(&ev->new_dir, e->new_dir);
	} else if (e->dirent || (!ondir && e->dir)) {
		set_fid(&ev->dir, e->dir);
	} else if (ondir) {
		/* The directory's own identifier, with the name ".". */
		set_fid(&ev->dir, e->inode);
	}
	if (target || (!e->dirent && !ondir && (f & FAN_REPORT_FID)) ||
		!(ev->dir.bytes || ev->new_dir.bytes))
		set_fid(&ev->object, e->inode);
}

/*
 * Makes the form of @e that @group wants, with references to all it has. Returns NULL if memory is
 * short.
 */
static struct fan_event *make_event(
	struct fan_group *group, const struct fs_event *e, u32 mask, bool ondir)
{
	bool names = group->flags & FAN_REPORT_NAME, fids = group->flags & FAN_FID_BITS;
	u32 len = names && e->name && (e->dirent || !ondir) ? e->len : 0;
	struct fan_event *ev = kzalloc(sizeof(*ev) + len + e->new_len + 2, GFP_NOFS);

	if (!ev)
		return NULL;
	INIT_LIST_HEAD(&ev->link);
	ev->mask = mask | (ondir && fids ? FAN_ONDIR : 0);
	ev->fd = FAN_NOFD;
	ev->pid = get_pid(group->flags & FAN_REPORT_TID ? current->thread_pid :
							  current->group_leader->thread_pid);
	if (fids)
		set_fids(ev, group, e, ondir);
	else if (e->path)
		ev->path = *e->path;
	if (ev->path.dentry)
		path_get(&ev->path);
	if (len) {
		ev->name = ev->text;
		memcpy(ev->text, e->name, len);
	}
	if (names && e->new_len) {
		ev->new_name = ev->text + len + 1;
		memcpy(ev->new_name, e->new_name, e->new_len);
	}
	return ev;
}

void fan_event_free(struct fan_event *e)
{
	if (!e)
		return;
	if (e->path.dentry)
		path_put(&e->path);
	if (e->pid)
		put_pid(e->pid);
	kfree(e);
}

static bool same_fid(const struct fan_fid *a, const struct fan_fid *b)
{
	return a->bytes == b->bytes && !memcmp(a->fsid, b->fsid, sizeof(a->fsid)) &&
	       !memcmp(a->fh, b->fh, a->bytes);
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool can_merge(const struct fan_event *a, const struct fan_event *b)
{
	if (a->permission || b->permission || a->error || b->error || a->pid != b->pid ||
		a->path.dentry != b->path.dentry || a->path.mnt != b->path.mnt)
		return false;
	if ((a->mask ^ b->mask) & FAN_ONDIR || (a->mask | b->mask) & (FAN_Q_OVERFLOW | FAN_RENAME))
		return false;
	return same_fid(&a->object, &b->object) && same_fid(&a->dir, &b->dir) &&
	       same_name(a->name, b->name);
}

/*
 * Merges the error with an unread error event of its file system, which counts errors and keeps the
 * first. Returns true if there was such an event.
 */
static bool join_error_locked(struct fan_group *g, const struct fan_event *e)
{
	struct fan_event *o;

	list_for_each_entry(o, &g->events, link) {
		if (!o->error || memcmp(o->object.fsid, e->object.fsid, sizeof(e->object.fsid)))
			continue;
		o->error_count++;
		return true;
	}
	return false;
}

/*
 * Turns an event into an overflow event, without a file. The overflow event becomes the last event
 * of a full queue.
 */
static void make_overflow(struct fan_event *e)
{
	e->mask = FAN_Q_OVERFLOW;
	e->object.bytes = e->dir.bytes = e->new_dir.bytes = 0;
	e->error = 0;
}

/* Returns true if @e was queued; false if it was merged, or there is no room. */
static bool queue_locked(struct fan_group *g, struct fan_event *e)
{
	struct fan_event *o;
	u32 n = 0;

	if (g->dead)
		return false;
	if (e->error && join_error_locked(g, e))
		return false;
	if (!e->permission)
		list_for_each_entry_reverse(o, &g->events, link) {
			if (n++ == MERGE_MAX)
				break;
			if (can_merge(o, e)) {
				o->mask |= e->mask;
				return false;
			}
		}
	if (!(g->flags & FAN_UNLIMITED_QUEUE) && !e->permission) {
		if (g->nr_events > g->max_events)
			return false;
		if (g->nr_events == g->max_events)
			make_overflow(e);
	}
	list_add_tail(&e->link, &g->events);
	g->nr_events++;
	wake_up_common_locked(&g->wqh, TASK_NORMAL, 0, 0);
	return true;
}

static void queue_event(struct fan_group *g, struct fan_event *e)
{
	bool queued;

	spin_lock(&g->wqh.lock);
	queued = queue_locked(g, e);
	spin_unlock(&g->wqh.lock);
	if (!queued)
		fan_event_free(e);
}

void fanotify_event(const struct fs_event *e)
{
	struct fan_group *group;
	struct fan_event *ev;
	struct gather g;
	u32 mask;

	mutex_lock(&fanotify_lock);
	fan_gather(&g, e);
	list_for_each_entry(group, &g.hit, hit) {
		mask = fan_wanted(group, &g);
		if (!mask)
			continue;
		ev = make_event(group, e, mask, g.ondir);
		if (ev)
			queue_event(group, ev);
	}
	fan_ungather(&g);
	mutex_unlock(&fanotify_lock);
}

/* ---- errors of file systems ---- */

static struct fan_event *make_error(
	const struct fan_group *group, struct super_block *sb, struct inode *inode, int error)
{
	struct fan_event *ev = kzalloc(sizeof(*ev) + 1, GFP_NOFS);

	if (!ev)
		return NULL;
	INIT_LIST_HEAD(&ev->link);
	ev->mask = FAN_FS_ERROR;
	ev->fd = FAN_NOFD;
	ev->pid = get_pid(group->flags & FAN_REPORT_TID ? current->thread_pid :
							  current->group_leader->thread_pid);
	ev->error = error;
	ev->error_count = 1;
	fan_fsid(sb, ev->object.fsid);
	set_fid(&ev->object, inode);
	return ev;
}

void fanotify_error(struct super_block *sb, struct inode *inode, int error)
{
	struct fs_event e = { .mask = FAN_FS_ERROR };
	struct gather g = { .e = &e, .mask = FAN_FS_ERROR };
	struct fan_group *group;
	struct fan_event *ev;

	INIT_LIST_HEAD(&g.hit);
	mutex_lock(&fanotify_lock);
	gather_object(&g, sb, false, 0);
	list_for_each_entry(group, &g.hit, hit) {
		ev = group->acc_mask & ~group->acc_ignored & g.mask ?
			     make_error(group, sb, inode, error) :
			     NULL;
		if (ev)
			queue_event(group, ev);
	}
	fan_ungather(&g);
	mutex_unlock(&fanotify_lock);
}

/* ---- permission ---- */

static bool answered(struct fan_group *g, const struct fan_event *e)
{
	bool yes;

	spin_lock(&g->wqh.lock);
	yes = e->response || g->dead;
	spin_unlock(&g->wqh.lock);
	return yes;
}

/*
 * Asks one group for permission. Returns 0, -EPERM, or -EINTR if current is being killed. Frees @e.
 */
static int ask(struct fan_group *g, struct fan_event *e)
{
	int err;
	bool queued;

	spin_lock(&g->wqh.lock);
	queued = queue_locked(g, e);
	spin_unlock(&g->wqh.lock);
	if (!queued) {
		fan_event_free(e);
		return 0;
	}
	err = wait_event_killable(&g->wqh, answered(g, e)) ? -EINTR : 0;
	spin_lock(&g->wqh.lock);
	/* The event is still on a list: the listener has not read it or has not answered it. */
	if (!list_empty(&e->link)) {
		if (e->fd == FAN_NOFD && g->nr_events)
			g->nr_events--;
		list_del_init(&e->link);
	}
	if (!err && (e->response & ~(u32)FAN_AUDIT) == FAN_DENY)
		err = -EPERM;
	spin_unlock(&g->wqh.lock);
	fan_event_free(e);
	return err;
}

struct asked {
	struct fan_group *group; /* with a reference */
	u32 mask;
};

/*
 * Collects the groups to be asked for permission, in @to if that is not NULL. Groups that may fill
 * in content (FAN_CLASS_PRE_CONTENT) come before those that check it. Returns the number of groups.
 * fanotify_lock is held.
 */
static u32 find_asked(const struct gather *g, struct asked *to)
{
	struct fan_group *group;
	u32 n = 0;

	for (u32 first = FAN_CLASS_PRE_CONTENT, turn = 0; turn < 2; turn++, first = 0)
		list_for_each_entry(group, &g->hit, hit) {
			u32 mask = fan_wanted(group, g) & FAN_PERM_EVENTS;

			if (!mask || (group->flags & FAN_CLASS_PRE_CONTENT) != first)
				continue;
			if (to) {
				atomic_inc(&group->refs);
				to[n] = (struct asked){ group, mask };
			}
			n++;
		}
	return n;
}

/*
 * Asks the groups until one refuses, and drops the references to all of them. Returns 0 or -errno.
 */
static int ask_in_turn(const struct fs_event *e, bool ondir, const struct asked *asked, u32 n)
{
	int err = 0;

	for (u32 i = 0; i < n; i++) {
		struct fan_event *ev =
			err ? NULL : make_event(asked[i].group, e, asked[i].mask, ondir);

		if (ev) {
			ev->permission = true;
			err = ask(asked[i].group, ev);
		} else if (!err) {
			err = -ENOMEM;
		}
		fan_group_put(asked[i].group);
	}
	return err;
}

int fanotify_permission(const struct fs_event *e)
{
	struct asked few[PERM_GROUPS], *asked = few;
	struct gather g;
	int err;
	u32 n;

	mutex_lock(&fanotify_lock);
	fan_gather(&g, e);
	n = find_asked(&g, NULL);
	if (n > PERM_GROUPS)
		asked = kmalloc(n * sizeof(*asked), GFP_NOFS);
	if (asked)
		find_asked(&g, asked);
	fan_ungather(&g);
	mutex_unlock(&fanotify_lock);
	if (!asked)
		return -ENOMEM;
	err = ask_in_turn(e, g.ondir, asked, n);
	if (asked != few)
		kfree(asked);
	return err;
}
