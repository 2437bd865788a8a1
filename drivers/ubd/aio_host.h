/* SPDX-License-Identifier: MIT */
/*
 * aio_host.h: reads from the host's disk into the guest's memory, past the host's page cache,
 * without a thread that waits for them. For data that the guest itself reads past its own cache
 * (O_DIRECT) and that is not in the host's cache.
 *
 *      ubd_aio_read(a, fd, off, r)     fd is open with O_DIRECT; the host owns *r until
 *                                      ubd_aio_reap() returns it
 *      ubd_aio_ready(a)                true if a read has ended; makes no system call
 *
 * All functions but open and close may be called from several threads at once.
 */
#ifndef NESTLING_UBD_AIO_HOST_H
#define NESTLING_UBD_AIO_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/ubd/ubd_host.h"

struct ubd_aio;

/*
 * Prepares for at most @depth reads at a time; finished reads raise @irq. Makes no host call before
 * the first read. Returns NULL without memory.
 */
struct ubd_aio *ubd_aio_open(int irq, unsigned int depth);
/*
 * Waits for reads in progress, and frees @a, which may be NULL. Requests that were not reaped
 * belong to the caller again.
 */
void ubd_aio_close(struct ubd_aio *a);
/*
 * Submits a read of r->vec from byte @off of @fd. Returns 0; or -errno if the host refuses the
 * read, in which case *r stays the caller's. -EAGAIN: the host would have to wait, has no such
 * calls, or allows no more of them. Never waits for the disk.
 */
int ubd_aio_read(struct ubd_aio *a, int fd, uint64_t off, struct ubd_req *r);
bool ubd_aio_ready(const struct ubd_aio *a);
/* True if every read that was submitted was returned by ubd_aio_reap(). */
bool ubd_aio_is_quiet(const struct ubd_aio *a);
/*
 * Returns the next finished read, or NULL. *res: bytes, or -errno; -EAGAIN if the host would have
 * had to wait.
 */
struct ubd_req *ubd_aio_reap(struct ubd_aio *a, int64_t *res);

#endif
