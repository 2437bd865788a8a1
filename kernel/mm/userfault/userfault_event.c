/* SPDX-License-Identifier: MIT */
/*
 * userfault_event.c: the events of a userfaultfd other than faults: fork, mremap, madvise and
 * munmap of watched areas.
 *
 *	uffd_note_unmap() ...   under mmap_lock: adds the event to mm->uffd_events
 *	mmap_write_unlock()     drops the lock, then sends the events that current has noted, one
 *	                        after the other, and waits until each was read
 *	uffd_take_event()       the reader's side; an event of a fork brings the child's descriptor
 *	                        along
 *
 * u->changing counts the events that were noted and not read yet. While it is not 0, ioctls that
 * fill pages are refused (EAGAIN), since the handler does not know the new layout yet.
 *
 * An event is NOTED -> QUEUED (on u->events) -> TAKEN (a reader prepares it) -> DONE, or back to
 * QUEUED. If the sender is killed or the descriptor is closed, the event is dropped, and the last
 * put of it releases the child's struct uffd.
 *
 * Locks: mm->mmap_lock for writing for mm->uffd_events, u->readers.lock for the states.
 */
#include "kernel/mm/userfault/userfault.h"

#include "kernel/mm/hugetlb/hugetlb_internal.h"

#define POLL_READABLE 1 /* EPOLLIN */

enum { NOTED, QUEUED, TAKEN, DONE };

struct uffd_event {
	struct list_head list; /* in mm->uffd_events, then u->events */
	/* references: the sender's, and that of the reader which has taken the event */
	atomic_t refs;
	struct task *sender;
	struct uffd *u;
	/*
	 * for a fork: the struct uffd of the child, or NULL; once the event is DONE, the reader
	 * owns it
	 */
	struct uffd *child;
	struct uffd_msg msg;
	int state;
	bool dropped; /* the sender does not wait any more */
};

static void event_put(struct uffd_event *e)
{
	if (!atomic_dec_and_test(&e->refs))
		return;
	if (e->child)
		uffd_release(e->child);
	uffd_put(e->u);
	kfree(e);
}

/* ---- noting events ---- */

static bool wants(const struct vm_area *v, u64 feature)
{
	return v->vm_uffd && v->vm_uffd->features & feature;
}

static struct uffd_event *note(struct mm *mm, struct uffd *u, u8 event)
{
	struct uffd_event *e = kzalloc(sizeof(*e), GFP_KERNEL);

	if (!e)
		return NULL;
	atomic_set(&e->refs, 1);
	atomic_inc(&u->refs);
	atomic_inc(&u->changing);
	e->u = u;
	e->sender = current;
	e->msg.event = event;
	list_add_tail(&e->list, &mm->uffd_events);
	return e;
}

int uffd_note_unmap(struct mm *mm, u64 start, u64 end)
{
	if (mm != current->mm || current->flags & PF_EXITING)
		return 0;
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v)) {
		struct uffd_event *e;

		if (!wants(v, UFFD_FEATURE_EVENT_UNMAP))
			continue;
		e = note(mm, v->vm_uffd, UFFD_EVENT_UNMAP);
		if (!e)
			return -ENOMEM;
		e->msg.arg.remove.start = max(start, v->vm_start);
		e->msg.arg.remove.end = min(end, v->vm_end);
	}
	return 0;
}

int uffd_note_remap(struct vm_area *v, struct vm_area *copy, u64 from, u64 len)
{
	struct uffd_event *e;

	if (!wants(v, UFFD_FEATURE_EVENT_REMAP))
		return 0;
	e = note(v->vm_mm, v->vm_uffd, UFFD_EVENT_REMAP);
	if (!e)
		return -ENOMEM;
	e->msg.arg.remap.from = from;
	e->msg.arg.remap.to = copy->vm_start;
	e->msg.arg.remap.len = len;
	copy->vm_uffd = v->vm_uffd;
	copy->vm_flags |= v->vm_flags & VM_UFFD_ALL;
	return 0;
}

/* Returns the child's counterpart of @u, which is made for the first area. NULL: no memory. */
static struct uffd *child_of(struct mm *old, struct mm *new, struct uffd *u)
{
	struct uffd_event *e;

	list_for_each_entry(e, &old->uffd_events, list)
		if (e->sender == current && e->u == u && e->child)
			return e->child;
	e = note(old, u, UFFD_EVENT_FORK);
	if (!e)
		return NULL;
	e->child = uffd_alloc(new, u->user_only, u->file_flags);
	if (e->child) {
		e->child->ready = true;
		e->child->features = u->features;
	}
	return e->child;
}

int uffd_note_fork(struct vm_area *from, struct vm_area *v)
{
	if (!wants(from, UFFD_FEATURE_EVENT_FORK))
		return 0;
	v->vm_uffd = child_of(from->vm_mm, v->vm_mm, from->vm_uffd);
	if (!v->vm_uffd)
		return -ENOMEM;
	v->vm_flags |= from->vm_flags & VM_UFFD_ALL;
	return 0;
}

/* ---- sending events ---- */

/* Ends an event for its sender. Drops the event unless it was read. Puts the sender's reference. */
static void sent(struct uffd_event *e)
{
	struct uffd *u = e->u;

	spin_lock(&u->readers.lock);
	if (e->state == QUEUED)
		list_del(&e->list);
	e->dropped = true;
	spin_unlock(&u->readers.lock);
	atomic_dec(&u->changing);
	event_put(e);
}

static void send_one(struct uffd_event *e)
{
	struct uffd *u = e->u;

	spin_lock(&u->readers.lock);
	if (!u->released) {
		e->state = QUEUED;
		list_add_tail(&e->list, &u->events);
	}
	spin_unlock(&u->readers.lock);
	wake_up_common(&u->readers, TASK_NORMAL, 1, POLL_READABLE);
	wait_event_killable(&u->senders, READ_ONCE(e->state) == DONE || READ_ONCE(u->released));
	sent(e);
}

static void collect(struct mm *mm, struct list_head *mine)
{
	struct uffd_event *e, *next;

	list_for_each_entry_safe(e, next, &mm->uffd_events, list)
		if (e->sender == current)
			list_move_tail(&e->list, mine);
}

/* Drops the events that current has noted. mmap_lock is held. */
void uffd_drop_events(struct mm *mm)
{
	struct uffd_event *e, *next;
	LIST_HEAD(mine);

	collect(mm, &mine);
	list_for_each_entry_safe(e, next, &mine, list) {
		list_del(&e->list);
		sent(e);
	}
}

void mmap_write_unlock(struct mm *mm)
{
	struct uffd_event *e, *next;
	LIST_HEAD(mine);

	if (likely(list_empty(&mm->uffd_events))) {
		up_write(&mm->mmap_lock);
		return;
	}
	collect(mm, &mine);
	up_write(&mm->mmap_lock);
	list_for_each_entry_safe(e, next, &mine, list) {
		list_del(&e->list);
		send_one(e);
	}
}

/*
 * Reduces the range to the part of @v that is removed. Returns false if that part is empty, or the
 * handler wants no event. @whole: a huge page that lies only partly in the range stays.
 */
static bool removed_part(const struct vm_area *v, u64 *start, u64 *end, bool whole)
{
	*start = max(*start, v->vm_start);
	*end = min(*end, v->vm_end);
	if (whole && v->vm_flags & VM_HUGETLB) {
		if (*start & ~HPAGE_MASK)
			return false; /* the removal will fail */
		*end &= HPAGE_MASK;
	}
	return *start < *end && wants(v, UFFD_FEATURE_EVENT_REMOVE);
}

static int note_removed(struct vm_area *v, u64 start, u64 end, bool whole)
{
	struct uffd_event *e;

	if (!removed_part(v, &start, &end, whole))
		return 0;
	e = note(v->vm_mm, v->vm_uffd, UFFD_EVENT_REMOVE);
	if (!e)
		return -ENOMEM;
	e->msg.arg.remove.start = start;
	e->msg.arg.remove.end = end;
	return 0;
}

/*
 * Sends an event to each handler before memory is removed, and waits until it was read. So no
 * handler relies on pages that are about to go.
 */
int uffd_notify_removed(struct mm *mm, u64 start, u64 end, bool whole)
{
	bool any = false;
	int err = 0;

	if (mm != current->mm)
		return 0;
	down_read(&mm->mmap_lock);
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end && !any;
		v = vma_next(v))
		any = wants(v, UFFD_FEATURE_EVENT_REMOVE);
	up_read(&mm->mmap_lock);
	if (likely(!any))
		return 0;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end && !err;
		v = vma_next(v))
		err = note_removed(v, start, end, whole);
	mmap_write_unlock(mm);
	return err;
}

/* ---- reading events ---- */

struct uffd_event *uffd_take_event(struct uffd *u, struct uffd_msg *msg, struct uffd **child)
{
	struct uffd_event *e = NULL;

	spin_lock(&u->readers.lock);
	if (!list_empty(&u->events)) {
		e = list_first_entry(&u->events, struct uffd_event, list);
		list_del(&e->list);
		e->state = TAKEN;
		atomic_inc(&e->refs);
		*msg = e->msg;
		*child = e->child;
	}
	spin_unlock(&u->readers.lock);
	return e;
}

void uffd_event_read(struct uffd_event *e)
{
	struct uffd *u = e->u;

	e->child = NULL; /* the reader has the descriptor now */
	spin_lock(&u->readers.lock);
	e->state = DONE;
	spin_unlock(&u->readers.lock);
	wake_up_all(&u->senders);
	event_put(e);
}

void uffd_event_back(struct uffd_event *e)
{
	struct uffd *u = e->u;

	spin_lock(&u->readers.lock);
	if (!e->dropped && !u->released) {
		e->state = QUEUED;
		list_add(&e->list, &u->events);
	}
	spin_unlock(&u->readers.lock);
	event_put(e);
}
