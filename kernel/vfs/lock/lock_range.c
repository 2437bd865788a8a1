/* SPDX-License-Identifier: MIT */
/*
 * lock_range.c: the arithmetic of record locks (POSIX fcntl(2), open file description locks). It
 * takes no locks, allocates no memory and knows no tasks.
 *
 * Invariant for the locks of one owner and kind in a list: ranges do not overlap, and adjacent
 * ranges have different types.
 */
#include "kernel/vfs/lock/locks.h"

static bool same_owner(const struct file_lock *a, const struct file_lock *b)
{
	return a->owner == b->owner && a->kind == b->kind;
}

bool locks_conflict(const struct file_lock *held, const struct file_lock *req)
{
	if (same_owner(held, req) || !locks_overlap(held, req))
		return false;
	if ((held->kind == FLK_FLOCK) != (req->kind == FLK_FLOCK))
		return false;
	return held->type == FLK_WRITE || req->type == FLK_WRITE;
}

/* True if the range overlaps @a, or is adjacent to it. */
static bool touches(const struct file_lock *a, loff_t start, loff_t end)
{
	return (a->end != FLK_END && a->end + 1 >= start && a->start <= end) ||
	       (a->end == FLK_END && a->start <= end) || (end != FLK_END && end + 1 == a->start);
}

static struct file_lock *take_spare(struct file_lock *spare[2])
{
	int i = spare[0] ? 0 : 1;
	struct file_lock *l = spare[i];

	spare[i] = NULL;
	return l;
}

/*
 * Splits @l, which begins before and ends after @req: @l keeps the part before, the new lock @rest
 * gets the part after.
 */
static void cut_in_two(struct file_lock *l, const struct file_lock *req, struct file_lock *rest)
{
	rest->owner = l->owner;
	rest->kind = l->kind;
	rest->type = l->type;
	rest->pid = l->pid;
	rest->inode = l->inode;
	rest->start = req->end + 1;
	rest->end = l->end;
	l->end = req->start - 1;
	list_add(&rest->list, &l->list);
}

/*
 * Removes @req's range from @l, which overlaps it and is of another type. Returns true if nothing
 * of @l is left.
 */
static bool cut(struct file_lock *l, const struct file_lock *req, struct file_lock *spare[2])
{
	if (l->start < req->start && l->end > req->end) {
		cut_in_two(l, req, take_spare(spare));
		return false;
	}
	if (l->start < req->start) {
		l->end = req->start - 1;
		return false;
	}
	if (l->end > req->end) {
		l->start = req->end + 1;
		return false;
	}
	return true;
}

static void insert_sorted(struct list_head *list, struct file_lock *l)
{
	struct list_head *at = list;
	struct file_lock *o;

	list_for_each_entry(o, list, list)
		if (same_owner(o, l) && o->start < l->start)
			at = &o->list;
	list_add(&l->list, at);
}

void lock_range_apply(struct list_head *list, const struct file_lock *req,
	struct file_lock *spare[2], struct list_head *gone)
{
	struct file_lock *l, *next, *own;
	loff_t start = req->start, end = req->end;

	list_for_each_entry_safe(l, next, list, list) {
		bool drop = false;

		if (!same_owner(l, req))
			continue;
		if (l->type == req->type) {
			if (!touches(l, start, end))
				continue;
			start = min(start, l->start);
			end = max(end, l->end);
			drop = true;
		} else if (locks_overlap(l, req)) {
			drop = cut(l, req, spare);
		}
		if (drop) {
			list_del(&l->list);
			list_add_tail(&l->list, gone);
		}
	}
	if (req->type == FLK_NONE)
		return;
	own = take_spare(spare);
	own->owner = req->owner;
	own->kind = req->kind;
	own->type = req->type;
	own->pid = req->pid;
	own->inode = req->inode;
	own->start = start;
	own->end = end;
	insert_sorted(list, own);
}
