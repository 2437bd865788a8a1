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
	struct image *image; /* immutable, as all down to @aio */
	char *file;          /* the name that the user gave */
	uint32_t flags;
	int irq;
	uint64_t size; /* bytes */
	/* limit in bytes of the space that the disk's COW layer takes on the host; 0: none */
	uint64_t limit;
	int max_threads;
	struct ubd_aio *aio; /* or NULL */
	int no_direct;       /* atomic; true: O_DIRECT does not work */
	/* a guess: true if the last read past the cache found its data in the host's cache */
	int was_cached;
	/*
	 * guesses. missed: cache checks in a row that found nothing, at most LOOKS. unasked: reads
	 * while missed is LOOKS; each LOOK_AT-th of them checks (ubd_host.c)
	 */
	uint32_t missed, unasked;

	/*
	 * guesses. quick: quick flushes in a row. quick_row: number of them needed before a vCPU
	 * flushes itself
	 */
	uint32_t quick, quick_row;

	pthread_mutex_t lock;
	/* a futex word; changed with the lock held when a worker shall wake up */
	uint32_t work;
	struct ubd_req *todo, **todo_tail; /* under lock; in order of submission */
	/* Under lock. idle: workers that sleep and were not woken. threads: all workers. */
	int idle, threads;
	int woken;   /* wake-ups in progress; under lock */
	int closing; /* under lock */
	/* atomic: number of requests that workers serve or will serve */
	int busy;
	int met_limit; /* atomic; true: the limit was reported */

	struct ubd_req *done; /* atomic stack */
	/* the save in progress (save_host.c), or NULL; owned by the saving task */
	struct save_job *save;
	/*
	 * the writes since a mark (mark_host.c), or NULL; owned by the task that controls the mark
	 */
	struct disk_mark *mark;
	/* the file that was written, and empty, at ubd_host_note(); or NULL */
	const struct layer *noted;
	long noted_blocks; /* of that file, 512 bytes each */
};

/* Initialises a disk whose members below the lock are all zeros. */
void disk_workers_init(struct ubd_host *h);
/* Ends the workers and waits until they have ended. No request is in progress. */
void disk_workers_end(struct ubd_host *h);
/* Ends a save that is in progress, before the disk is closed; waits for its thread. */
void disk_save_forget(struct ubd_host *h);

#endif
