/* SPDX-License-Identifier: MIT */
/*
 * disk_host.h: a disk in the host's half of the ubd driver: disk_host.c opens and closes it, ubd_host.c serves its requests.
 */
#ifndef NESTLING_UBD_DISK_HOST_H
#define NESTLING_UBD_DISK_HOST_H

#include <pthread.h>

#include "drivers/ubd/ubd_host.h"

struct ubd_host {
	struct image *image; /* immutable, as all above the lock */
	char *file;          /* as the user named it */
	uint32_t flags;
	int irq;
	uint64_t size;
	int max_threads;
	struct ubd_aio *aio; /* NULL: the host has none */
	int no_direct;       /* atomic; the files cannot be read so */
	int was_cached; /* a guess: the last read past the cache found its data in the host's */
	uint32_t missed,
		unasked; /* the same: looks in a row that found nothing; reads since the last look */

	uint32_t quick,
		quick_row; /* guesses: quick flushes in a row; how many of them are needed */

	pthread_mutex_t lock;
	/* a futex word; changes under lock whenever somebody is to wake */
	uint32_t work;
	struct ubd_req *todo, **todo_tail; /* under lock; in order of submission */
	int idle, threads;                 /* under lock; idle: that nobody has woken yet */
	int woken;                         /* the same: signals that are on their way */
	int closing;                       /* under lock */
	int busy;                          /* atomic; requests that workers have or will have */

	struct ubd_req *done; /* atomic stack */
};

void disk_workers_init(
	struct ubd_host *h); /* of one that is all zeros but for what is above the lock */
void disk_workers_end(struct ubd_host *h); /* nothing is under way any more */

#endif
