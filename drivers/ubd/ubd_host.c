/* SPDX-License-Identifier: MIT */
/*
 * ubd_host.c: the half of the ubd driver that touches the host: requests and worker threads.
 *
 * What a request does to the files, whatever their format, is image_host.c's business. Invariant: a request ends exactly once.
 * Locks: queue lock (todo list, idle count); done list is lock-free (push) and taken whole.
 * Not here: merging (kernel/block/queue.c), caching (the guest has its own, the host too).
 */
#include "drivers/ubd/ubd_host.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "drivers/ubd/image_host.h"
#include "drivers/ubd/media_host.h"
#include "os-linux/host.h"

#define WORKERS 2

struct ubd_host {
	struct image *image; /* immutable, as all above the lock */
	uint32_t flags;
	int irq;
	uint64_t size;

	pthread_mutex_t lock;
	pthread_cond_t work;
	struct ubd_req *todo, **todo_tail; /* under lock */
	int idle, threads;                 /* under lock */
	int closing;                       /* under lock */

	struct ubd_req *done; /* atomic stack */
};

/* ---- requests ---- */

_Static_assert(sizeof(struct ubd_vec) == sizeof(struct iovec) &&
		       offsetof(struct ubd_vec, len) == offsetof(struct iovec, iov_len),
	"vectors go to the host as they are");

static int do_read(struct ubd_host *h, struct ubd_req *r, bool nowait)
{
	return image_readv(h->image, r->off, (const struct iovec *)r->vec, (int)r->nr_vecs, nowait);
}

static int serve(struct ubd_host *h, struct ubd_req *r)
{
	int err = 0;

	if (r->preflush || r->op == UBD_FLUSH)
		err = image_flush(h->image);
	if (err)
		return err;
	switch (r->op) {
	case UBD_READ: return do_read(h, r, false);
	case UBD_WRITE:
		err = image_writev(h->image, r->off, (const struct iovec *)r->vec, (int)r->nr_vecs);
		break;
	case UBD_ZERO: err = image_zero(h->image, r->off, r->len); break;
	case UBD_DISCARD: err = image_discard(h->image, r->off, r->len); break;
	default: break;
	}
	if (!err && (r->fua || (h->flags & UBD_F_SYNC && r->op == UBD_WRITE)))
		err = image_flush(h->image);
	return err;
}

/* ---- workers ---- */

static void finished(struct ubd_host *h, struct ubd_req *r)
{
	struct ubd_req *old = __atomic_load_n(&h->done, __ATOMIC_RELAXED);

	do {
		r->next = old;
	} while (!__atomic_compare_exchange_n(
		&h->done, &old, r, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	if (!old)
		os_irq_raise(h->irq);
}

static void worker(void *arg)
{
	struct ubd_host *h = arg;

	pthread_mutex_lock(&h->lock);
	while (!h->closing) {
		struct ubd_req *r = h->todo;

		if (!r) {
			h->idle++;
			pthread_cond_wait(&h->work, &h->lock);
			h->idle--;
			continue;
		}
		h->todo = r->next;
		if (!h->todo)
			h->todo_tail = &h->todo;
		pthread_mutex_unlock(&h->lock);
		r->status = serve(h, r);
		if (r->status == -ENOSPC || r->status == -EDQUOT || r->status == -EFBIG)
			r->status = -EIO; /* a disk does not fill up: for the guest it is broken */
		finished(h, r);
		pthread_mutex_lock(&h->lock);
	}
	h->threads--;
	pthread_cond_broadcast(&h->work);
	pthread_mutex_unlock(&h->lock);
}

int ubd_host_submit(struct ubd_host *h, struct ubd_req *r)
{
	if (r->op == UBD_READ && !r->preflush && do_read(h, r, true) == 0) {
		r->status = 0;
		return 1;
	}
	r->next = NULL;
	pthread_mutex_lock(&h->lock);
	*h->todo_tail = r;
	h->todo_tail = &r->next;
	if (h->idle)
		pthread_cond_signal(&h->work);
	else if (h->threads < WORKERS && os_worker_start("ubd", worker, h) == 0)
		h->threads++;
	if (!h->threads) { /* no thread to be had: serve it here, slow but right */
		h->todo = NULL;
		h->todo_tail = &h->todo;
		pthread_mutex_unlock(&h->lock);
		r->status = serve(h, r);
		return 1;
	}
	pthread_mutex_unlock(&h->lock);
	return 0;
}

struct ubd_req *ubd_host_reap(struct ubd_host *h)
{
	struct ubd_req *r = __atomic_exchange_n(&h->done, NULL, __ATOMIC_ACQUIRE), *list = NULL;

	while (r) {
		struct ubd_req *next = r->next;

		r->next = list;
		list = r;
		r = next;
	}
	return list;
}

/* ---- opening ---- */

int ubd_host_record(const char *path)
{
	return media_record(path);
}

int ubd_host_fault(const char *spec)
{
	return media_fault(spec);
}

/* The flags of ubd_host.h are those of image_host.h but for two that matter here only. */
static int open_files(struct ubd_open *o, struct ubd_host *h)
{
	struct image_open io = { .file = o->file, .backing = o->backing };
	int err;

	io.flags = (o->flags & UBD_F_RDONLY ? IMAGE_RDONLY : 0) |
		   (o->flags & UBD_F_SHARED ? IMAGE_SHARED : 0) |
		   (o->flags & UBD_F_DATA ? IMAGE_RAW : 0);
	err = image_open(&io);
	memcpy(o->note, io.note, sizeof(o->note));
	memcpy(o->err, io.err, sizeof(o->err));
	h->image = io.image;
	h->size = io.size;
	o->rdonly = io.rdonly;
	return err;
}

int ubd_host_open(struct ubd_open *o)
{
	struct ubd_host *h = calloc(1, sizeof(*h));
	int err;

	if (!h) {
		snprintf(o->err, sizeof(o->err), "%s: %s", o->file, strerror(ENOMEM));
		return -ENOMEM;
	}
	err = open_files(o, h);
	if (err) {
		free(h);
		return err;
	}
	h->flags = o->flags | (o->rdonly ? UBD_F_RDONLY : 0);
	h->irq = o->irq;
	h->todo_tail = &h->todo;
	if (!o->rdonly)
		media_attach(image_fd(h->image), o->unit, o->file);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->work, NULL);
	o->host = h;
	o->size = h->size;
	o->discard = !o->rdonly && !(o->flags & UBD_F_NODISCARD);
	return 0;
}

void ubd_host_close(struct ubd_host *h)
{
	if (h->threads) {
		pthread_mutex_lock(&h->lock);
		h->closing = 1;
		pthread_cond_broadcast(&h->work);
		while (h->threads)
			pthread_cond_wait(&h->work, &h->lock);
		pthread_mutex_unlock(&h->lock);
	}
	media_detach(image_fd(h->image));
	image_close(h->image);
	free(h);
}
