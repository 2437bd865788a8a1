/* SPDX-License-Identifier: MIT */
/*
 * aio_host.c: see aio_host.h. It uses the host's io_submit and related calls. A vCPU submits each
 * read with RWF_NOWAIT, since it must not wait for a writer of the file, for a block of its map or
 * for room in the disk's queue. A read that would wait is refused and goes to a worker.
 *
 * An eventfd in the event set reports finished reads. It is edge-triggered, so that it need be
 * neither read nor armed again. The events are in a ring that the host shares with this process,
 * which advances the head itself, so reading them takes no call either. If the ring does not look
 * as expected, all such reads are refused.
 *
 * The first read makes the host's context, because a context is expensive: a process that has one
 * takes some 30 ms longer to end, and fs.aio-max-nr limits the contexts of all processes. Most
 * instances never read past the cache.
 *
 * Locks: lock protects the head of the ring, and the making of the context.
 */
#include "drivers/ubd/aio_host.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "drivers/ubd/media_host.h"
#include "os-linux/host.h"

/* the ring to which io_setup's context points */
#define RING_MAGIC 0xa10a10a1U
struct ring {
	uint32_t id, nr; /* nr: capacity in events */
	uint32_t head, tail;
	uint32_t magic, compat, incompat;
	uint32_t header_bytes;
	struct io_event event[];
};

/* values of state, which changes from NONE to READY or REFUSED once, under lock */
enum { NONE, READY, REFUSED };

struct ubd_aio {
	int irq; /* immutable, like the next one */
	unsigned int depth;
	int state; /* atomic: NONE, READY or REFUSED */
	/* immutable once READY, like the next two */
	aio_context_t ctx;
	struct ring *ring;
	int eventfd;
	uint32_t under_way; /* atomic: reads submitted and not reaped */
	pthread_mutex_t lock;
};

static struct ring *find_ring(aio_context_t ctx)
{
	struct ring *r = (struct ring *)ctx;

	return r->magic == RING_MAGIC && !r->incompat && r->header_bytes == sizeof(*r) ? r : NULL;
}

struct ubd_aio *ubd_aio_open(int irq, unsigned int depth)
{
	struct ubd_aio *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->irq = irq;
	a->depth = depth;
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

/* Makes the context and the eventfd for its events. Returns READY or REFUSED. */
static int make_context_locked(struct ubd_aio *a)
{
	a->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->eventfd < 0)
		return REFUSED;
	if (syscall(SYS_io_setup, a->depth, &a->ctx))
		goto err_close;
	a->ring = find_ring(a->ctx);
	if (!a->ring)
		goto err_destroy;
	if (os_event_add_edge(a->eventfd, EPOLLIN, a->irq))
		goto err_destroy;
	return READY;

err_destroy:
	syscall(SYS_io_destroy, a->ctx);
err_close:
	close(a->eventfd);
	return REFUSED;
}

static bool is_ready(const struct ubd_aio *a)
{
	return __atomic_load_n(&a->state, __ATOMIC_ACQUIRE) == READY;
}

/* True if reads can be submitted. The first caller makes the context. */
static bool get_ready(struct ubd_aio *a)
{
	if (__atomic_load_n(&a->state, __ATOMIC_ACQUIRE) == NONE) {
		pthread_mutex_lock(&a->lock);
		if (a->state == NONE)
			__atomic_store_n(&a->state, make_context_locked(a), __ATOMIC_RELEASE);
		pthread_mutex_unlock(&a->lock);
	}
	return is_ready(a);
}

void ubd_aio_close(struct ubd_aio *a)
{
	if (!a)
		return;
	if (is_ready(a)) {
		os_event_del(a->eventfd);
		syscall(SYS_io_destroy, a->ctx);
		close(a->eventfd);
	}
	free(a);
}

int ubd_aio_read(struct ubd_aio *a, int fd, uint64_t off, struct ubd_req *r)
{
	struct iocb io;
	int err;

	if (!get_ready(a))
		return -EAGAIN;
	io = (struct iocb){ .aio_lio_opcode = IOCB_CMD_PREADV,
		.aio_rw_flags = RWF_NOWAIT,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)r->vec,
		.aio_nbytes = r->nr_vecs,
		.aio_offset = (int64_t)off,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)a->eventfd,
		.aio_data = (uintptr_t)r };

	__atomic_add_fetch(&a->under_way, 1, __ATOMIC_RELAXED);
	err = media_aio_submit(a->ctx, &io);
	if (err)
		__atomic_sub_fetch(&a->under_way, 1, __ATOMIC_RELAXED);
	return err;
}

bool ubd_aio_is_quiet(const struct ubd_aio *a)
{
	return !__atomic_load_n(&a->under_way, __ATOMIC_ACQUIRE);
}

bool ubd_aio_ready(const struct ubd_aio *a)
{
	const struct ring *ring = is_ready(a) ? a->ring : NULL;

	return ring && __atomic_load_n(&ring->head, __ATOMIC_RELAXED) !=
			       __atomic_load_n(&ring->tail, __ATOMIC_RELAXED);
}

static bool take_event(struct ring *ring, struct io_event *ev)
{
	uint32_t head = ring->head;

	if (head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE))
		return false;
	*ev = ring->event[head];
	__atomic_store_n(&ring->head, (head + 1) % ring->nr, __ATOMIC_RELEASE);
	return true;
}

struct ubd_req *ubd_aio_reap(struct ubd_aio *a, int64_t *res)
{
	struct io_event ev;
	bool there;

	if (!is_ready(a))
		return NULL;
	pthread_mutex_lock(&a->lock);
	there = take_event(a->ring, &ev);
	pthread_mutex_unlock(&a->lock);
	if (!there)
		return NULL;
	__atomic_sub_fetch(&a->under_way, 1, __ATOMIC_RELEASE);
	*res = ev.res;
	return (struct ubd_req *)(uintptr_t)ev.data;
}
