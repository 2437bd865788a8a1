/* SPDX-License-Identifier: MIT */
/*
 * disk_host.h: a disk in the host's half of the ubd driver: disk_host.c opens and closes it,
 * ubd_host.c serves its requests.
 */
#ifndef NESTLING_UBD_DISK_HOST_H
#define NESTLING_UBD_DISK_HOST_H

#include <pthread.h>

#include "drivers/ubd/ubd_host.h"

struct ubd_host {
	struct image *image; /* immutable, like all above the lock */
	char *file;          /* the name that the user gave */
	uint32_t flags;
	int irq;
	uint64_t size;
	/* bytes that its layer may take on the host; 0: any number */
	uint64_t limit;
	int max_threads;
	struct ubd_aio *aio; /* or NULL */
	int no_direct;       /* atomic: O_DIRECT does not work */
	/* a guess: the last read past the cache found its data in the host's */
	int was_cached;
	/* guesses: looks in a row that found nothing; reads since the last look */
	uint32_t missed, unasked;

	/* guesses: quick flushes in a row; how many of them are needed */
	uint32_t quick, quick_row;

	pthread_mutex_t lock;
	/* a futex word; changes under lock when a worker shall wake up */
	uint32_t work;
	struct ubd_req *todo, **todo_tail; /* under lock; in order of submission */
	/* under lock; idle: workers that were not woken yet */
	int idle, threads;
	int woken;   /* under lock: wake-ups on their way */
	int closing; /* under lock */
	/* atomic: requests that workers have or will have */
	int busy;
	int met_limit; /* atomic: that was reported */

	struct ubd_req *done; /* atomic stack */
	/* a save that has begun (save_host.c), or NULL; of the task that saves */
	struct save_job *save;
	/* the writes since a mark (mark_host.c), or NULL; of the task that controls the mark */
	struct disk_mark *mark;
	/* the file that was written at ubd_host_note(), which was empty, or NULL */
	const struct layer *noted;
	long noted_blocks;
};

/* Initialises a disk whose members below the lock are all zeros. */
void disk_workers_init(struct ubd_host *h);
void disk_workers_end(struct ubd_host *h); /* no request is under way */
/* Ends a save that is under way, before the disk is closed. */
void disk_save_forget(struct ubd_host *h);

#endif
