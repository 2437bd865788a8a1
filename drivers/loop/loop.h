/* SPDX-License-Identifier: MIT */
/*
 * loop.h: declarations shared by the files of the loop device: its state, and the lock of each
 * part.
 */
#ifndef NESTLING_DRIVERS_LOOP_H
#define NESTLING_DRIVERS_LOOP_H

#include <linux/loop.h>

#include "kernel/block/block.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"

#define LOOP_MAX 64   /* units that a guest can make */
#define LOOP_FIRST 8  /* units that exist from the start */
#define LOOP_PARTS 16 /* the disk and its partitions */

enum loop_state { LOOP_UNBOUND, LOOP_BOUND, LOOP_RUNDOWN };

struct loop {
	u32 number;
	/* True between LOOP_CTL_ADD and LOOP_CTL_REMOVE; under loop_mutex. */
	bool present;
	struct gendisk disk;

	/* Protects the members down to @pins; inside bdev->lock. */
	struct mutex lock;
	enum loop_state state;
	/* Replaced by LOOP_CHANGE_FD while no bio is served. */
	struct file *file;
	u64 offset, sizelimit; /* bytes; sizelimit 0: none */
	u32 flags;             /* LO_FLAGS_* */
	char name[LO_NAME_SIZE];
	/* lo_init of struct loop_info64: kept for the guest, without effect. */
	u64 init[2];
	/* Number of open block devices (the disk, its partitions). */
	u32 users;
	/* Number of swap areas on it: @file and @offset must not change. */
	u32 pins;

	spinlock_t queue_lock; /* protects all below */
	struct list_head queue;
	/* stop: the thread must end. frozen: it must pause. busy: the thread is serving a bio. */
	bool stop, frozen, busy;
	struct wait_queue_head wait;
	struct task *thread;
	struct completion gone; /* the thread has ended */
};

extern struct mutex loop_mutex; /* the table of units */
extern struct loop *loop_units[LOOP_MAX];

/*
 * io.c: the thread that serves the bios of a bound unit. lo->lock is held, except by loop_submit().
 */
/* Starts the thread. Returns 0 or -ENOMEM. */
int loop_start_thread(struct loop *lo);
/* Ends the thread, which serves the queued bios first. Sleeps. */
void loop_stop_thread(struct loop *lo);
/* Sleeps until no bio uses lo->file, and holds further bios back until loop_thaw(). */
void loop_freeze(struct loop *lo);
void loop_thaw(struct loop *lo);
/* Queues a bio: the gendisk's submit operation. Does not sleep. */
void loop_submit(struct gendisk *d, struct bio *bio);
/* bind.c */
/* ioctl(2) of an open unit, with Linux's results. Takes lo->lock; may sleep. */
long loop_ioctl(struct gendisk *d, struct file *f, u32 cmd, u64 arg);
/* Unbinds the file, after all bios. lo->lock held, state BOUND; sleeps. */
void loop_clear(struct loop *lo);
/* Makes the unit's files in /sys/block. Returns 0 or -errno. */
int loop_sysfs_add(struct loop *lo);

#endif
