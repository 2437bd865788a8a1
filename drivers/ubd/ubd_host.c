/* SPDX-License-Identifier: MIT */
/*
 * ubd_host.c: the host's half of the ubd driver: requests and worker threads.
 *
 * image_host.c carries out a request, for any format of the files. A read that does not use the
 * guest's cache, and whose data is not in the host's, goes past both: a small one at once
 * (aio_host.c), others by a worker. If the host refuses such a read, it is done like any other.
 * Invariant: a request ends exactly once. Locks: queue lock (todo list, idle count); the done list
 * is pushed without a lock and taken whole. Workers sleep on a futex word that changes under the
 * lock, not on a condition variable: up to 2.40, glibc's sometimes loses a signal if several
 * threads wait (its bug 25847). A request would then stay in the list until the next one comes,
 * which may never happen. Not here: merging (kernel/block/queue.c), caching (the guest has its own,
 * the host too).
 */
#include "drivers/ubd/ubd_host.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/uio.h>

#include "drivers/audit/audit_host.h"
#include "drivers/ubd/aio_host.h"
#include "drivers/ubd/disk_host.h"
#include "drivers/ubd/image_host.h"
#include "os-linux/host.h"

/*
 * Worker threads wait for the host's disk and do not compute. Their limit, which depends on the
 * number of CPUs, is enough to keep the disk's queue filled. A worker is started only if none is
 * idle, so a quiet disk has one or two.
 */
#define WORKERS_PER_CPU 4
#define WORKERS_MIN 4
#define WORKERS_MAX 32 /* of a disk */

#define SMALL_WRITE 32768
/* largest read: the host does not split a read that must not wait, and refuses a larger one */
#define SMALL_READ 65536

/*
 * Flushes that the waiting vCPU does itself. Waking a worker on another CPU, which then wakes the
 * vCPU, costs half of the CPU time of a write with its fsync. A vCPU that waits in a flush does
 * nothing else, so it flushes only if it has no other work and the last flushes were all quick.
 * After a slow one workers flush for a while, longer if the next slow one comes soon. Several slow
 * ones in a row (much was written before) count as one.
 */
#define QUICK_NS 2000000
#define QUICK_ROW 32
#define QUICK_ROW_MAX 4096
/* if a vCPU did at least so many quick flushes, a slow one shortens the next time of workers */
#define QUICK_LONG 256

/* checks in a row that found nothing in the host's cache */
#define LOOKS 32
/* after that, only one read in this many is checked, until one is found */
#define LOOK_AT 8

/* ---- requests ---- */

_Static_assert(sizeof(struct ubd_vec) == sizeof(struct iovec) &&
		       offsetof(struct ubd_vec, len) == offsetof(struct iovec, iov_len),
	"vectors go to the host as they are");

/* ---- reads past the host's cache ---- */

static bool whole_pages(const struct ubd_req *r)
{
	uint64_t all = r->off | r->len;

	for (uint32_t i = 0; i < r->nr_vecs; i++)
		all |= (uintptr_t)r->vec[i].p | r->vec[i].len;
	return !(all & 4095);
}

static bool may_be_direct(const struct ubd_host *h, const struct ubd_req *r)
{
	return r->op == UBD_READ && r->past_cache &&
	       !__atomic_load_n(&h->no_direct, __ATOMIC_RELAXED);
}

/* Records a refusal by the host, unless it is temporary or concerns this read only. */
static void note_refusal(struct ubd_host *h, const struct ubd_req *r, int64_t err)
{
	if (err == -EOPNOTSUPP || err == -ENOSYS || err == -EPERM ||
		(err == -EINVAL && whole_pages(r)))
		__atomic_store_n(&h->no_direct, 1, __ATOMIC_RELAXED);
}

/* Submits a read past the cache. True if the read is now in progress. */
static bool submit_direct(struct ubd_host *h, struct ubd_req *r)
{
	uint64_t at;
	int fd, err;

	if (!may_be_direct(h, r) || !h->aio || r->len > SMALL_READ)
		return false;
	fd = image_where_direct(h->image, r->off, r->len, &at);
	if (fd < 0)
		return false;
	err = ubd_aio_read(h->aio, fd, at, r);
	if (err)
		note_refusal(h, r, err);
	return !err;
}

/*
 * Reads past the cache and waits. Returns 0, or -errno if the data has to be read by other means.
 */
static int read_direct(struct ubd_host *h, struct ubd_req *r)
{
	int err =
		image_readv_direct(h->image, r->off, (const struct iovec *)r->vec, (int)r->nr_vecs);

	if (err)
		note_refusal(h, r, err);
	return err;
}

/* ---- all requests ---- */

static int do_read(struct ubd_host *h, struct ubd_req *r, bool nowait)
{
	if (!nowait && may_be_direct(h, r) && !read_direct(h, r))
		return 0;
	return image_readv(h->image, r->off, (const struct iovec *)r->vec, (int)r->nr_vecs, nowait);
}

/* True if the request must be on the host's disk when it ends (flag s: a disk without cache). */
static bool is_synchronous(const struct ubd_host *h, const struct ubd_req *r)
{
	return h->flags & UBD_F_SYNC && (r->op == UBD_WRITE || r->op == UBD_ZERO);
}

/*
 * Returns -ENOSPC for a write that would make the layer larger than its limit with @room bytes,
 * else 0.
 */
static int check_room(struct ubd_host *h, const struct ubd_req *r, uint64_t room)
{
	static const char line[] = "\"event\":\"refused\",\"what\":\"disk\"}";

	if (!h->limit || image_has_room(h->image, r->off, r->len, room, h->limit))
		return 0;
	if (!__atomic_exchange_n(&h->met_limit, 1, __ATOMIC_RELAXED))
		audit_host_add(line, sizeof(line) - 1);
	return -ENOSPC;
}

/* Writes zeros: a hole, which takes no room, or data where the host cannot make one. */
static int do_zero(struct ubd_host *h, const struct ubd_req *r)
{
	int err = check_room(h, r, 0);

	if (!err)
		err = image_punch(h->image, r->off, r->len);
	if (err != -EOPNOTSUPP)
		return err;
	err = check_room(h, r, r->len);
	return err ? err : image_zero(h->image, r->off, r->len);
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
		err = check_room(h, r, r->len);
		if (!err)
			err = image_writev(
				h->image, r->off, (const struct iovec *)r->vec, (int)r->nr_vecs);
		break;
	case UBD_ZERO: err = do_zero(h, r); break;
	case UBD_DISCARD: err = image_discard(h->image, r->off, r->len); break;
	default: break;
	}
	if (!err && (r->fua || is_synchronous(h, r)))
		err = image_flush(h->image);
	return err;
}

/*
 * Returns the status for the guest. If the host's disk is full, the guest sees a thin disk that
 * cannot grow; for any other error, a broken disk.
 */
static int guest_status(int err)
{
	switch (err) {
	case 0: return 0;
	case -EOPNOTSUPP: return -EOPNOTSUPP;
	case -ENOSPC:
	case -EDQUOT: return -ENOSPC;
	}
	return -EIO;
}

static bool flushes(const struct ubd_host *h, const struct ubd_req *r)
{
	return r->op == UBD_FLUSH || r->preflush || r->fua || is_synchronous(h, r);
}

static void learn_flush(struct ubd_host *h, uint64_t ns)
{
	uint32_t row = __atomic_load_n(&h->quick_row, __ATOMIC_RELAXED),
		 quick = __atomic_load_n(&h->quick, __ATOMIC_RELAXED), more;

	if (ns < QUICK_NS) {
		__atomic_store_n(
			&h->quick, quick < INT32_MAX ? quick + 1 : quick, __ATOMIC_RELAXED);
		return;
	}
	__atomic_store_n(&h->quick, 0, __ATOMIC_RELAXED);
	if (quick < row)
		return; /* expected while workers flush */
	more = quick < row + QUICK_LONG ? row * 2 : row / 2;
	more = more > QUICK_ROW_MAX ? QUICK_ROW_MAX : more < QUICK_ROW ? QUICK_ROW : more;
	__atomic_store_n(&h->quick_row, more, __ATOMIC_RELAXED);
}

/* Serves a request. Returns the time in ns that a flush took, or 0 for another request. */
static uint64_t serve_timed(struct ubd_host *h, struct ubd_req *r)
{
	uint64_t start, ns;

	if (!flushes(h, r)) {
		r->status = guest_status(serve(h, r));
		return 0;
	}
	start = os_clock_mono();
	r->status = guest_status(serve(h, r));
	ns = os_clock_mono() - start;
	learn_flush(h, ns);
	return ns;
}

/* ---- workers ---- */

static void finished(struct ubd_host *h, struct ubd_req *r)
{
	struct ubd_req *old = __atomic_load_n(&h->done, __ATOMIC_RELAXED);

	do {
		r->next = old;
	} while (!__atomic_compare_exchange_n(
		&h->done, &old, r, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	__atomic_sub_fetch(&h->busy, 1, __ATOMIC_RELEASE);
	if (!old)
		os_irq_raise(h->irq);
}

/*
 * Takes the first request off the list, which is not empty, and, if it is a flush, all other
 * flushes: one call brings to the disk everything that ended before they were submitted. Returns
 * them linked by next.
 */
static struct ubd_req *take_locked(struct ubd_host *h)
{
	struct ubd_req *first = h->todo, **at, **last = &first->next;
	bool flush = first->op == UBD_FLUSH;

	h->todo = first->next;
	for (at = &h->todo; flush && *at;) {
		struct ubd_req *r = *at;

		if (r->op == UBD_FLUSH) {
			*at = r->next;
			*last = r;
			last = &r->next;
		} else {
			at = &r->next;
		}
	}
	*last = NULL;
	if (flush)
		h->todo_tail = at;
	else if (!h->todo)
		h->todo_tail = &h->todo;
	return first;
}

static void serve_all(struct ubd_host *h, struct ubd_req *r)
{
	int status;

	serve_timed(h, r);
	status = r->status;
	while (r) {
		struct ubd_req *next = r->next;

		r->status = status;
		finished(h, r);
		r = next;
	}
}

/*
 * Sleeps until h->work changes, or spuriously. The futex call does not sleep if h->work has changed
 * since the unlock. So h->work is changed with the lock held, before the wake-up.
 */
static void sleep_locked(struct ubd_host *h)
{
	uint32_t seen = h->work;

	pthread_mutex_unlock(&h->lock);
	os_futex_wait(&h->work, seen, OS_FOREVER);
	pthread_mutex_lock(&h->lock);
}

static void wake_all_locked(struct ubd_host *h)
{
	__atomic_add_fetch(&h->work, 1, __ATOMIC_RELAXED);
	os_futex_wake(&h->work, INT32_MAX);
}

static void worker(void *arg)
{
	struct ubd_host *h = arg;

	pthread_mutex_lock(&h->lock);
	while (!h->closing) {
		struct ubd_req *r;

		if (!h->todo) {
			h->idle++;
			sleep_locked(h);
			if (h->woken)
				h->woken--;
			else
				h->idle--;
			continue;
		}
		r = take_locked(h);
		pthread_mutex_unlock(&h->lock);
		serve_all(h, r);
		pthread_mutex_lock(&h->lock);
	}
	h->threads--;
	wake_all_locked(h);
	pthread_mutex_unlock(&h->lock);
}

/*
 * True if the host's cache has the data, or it is unknown whether it does. To find out by reading
 * could start readahead, which is useless if the request then goes past the cache.
 */
static bool is_cached(struct ubd_host *h, const struct ubd_req *r)
{
	uint32_t missed = __atomic_load_n(&h->missed, __ATOMIC_RELAXED);
	uint64_t at;
	int fd, found;

	if (missed >= LOOKS && __atomic_add_fetch(&h->unasked, 1, __ATOMIC_RELAXED) % LOOK_AT)
		return false;
	fd = image_where_direct(h->image, r->off, r->len, &at);
	found = fd < 0 ? 1 : image_is_cached(fd, at, r->len);
	/*
	 * With user= the host tells nothing about a file of another user: as after a miss, the
	 * request goes past the cache. A host without cachestat(2) is asked by the read itself.
	 */
	if (found == -EPERM)
		found = 0;
	if (found)
		__atomic_store_n(&h->missed, 0, __ATOMIC_RELAXED);
	else if (missed < LOOKS)
		__atomic_store_n(&h->missed, missed + 1, __ATOMIC_RELAXED);
	return found;
}

/* Reads from the host's page cache. True if the cache had all of the data. */
static bool read_cached(struct ubd_host *h, struct ubd_req *r)
{
	bool direct = may_be_direct(h, r), hit;

	r->status = 0;
	if (direct && !__atomic_load_n(&h->was_cached, __ATOMIC_RELAXED) && !is_cached(h, r))
		return false;
	hit = !do_read(h, r, true);
	if (direct && hit != __atomic_load_n(&h->was_cached, __ATOMIC_RELAXED))
		__atomic_store_n(&h->was_cached, hit, __ATOMIC_RELAXED);
	return hit;
}

/*
 * True if the vCPU flushes itself. While workers have requests, workers flush: one host call then
 * serves all waiting flushes.
 */
static bool waits_itself(struct ubd_host *h, const struct ubd_req *r)
{
	return r->spare && !__atomic_load_n(&h->busy, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&h->quick, __ATOMIC_RELAXED) >=
		       __atomic_load_n(&h->quick_row, __ATOMIC_RELAXED);
}

/*
 * Serves a request that takes less time than waking a worker: a read from the host's page cache, a
 * small write into it that a task waits for, such as fsync's, and a quick flush. A host that
 * throttles writers delays the vCPU as long as it would delay the waiting task in any case. With
 * UBD_F_INLINE serves every request. True if the request has ended.
 */
static bool serve_at_once(struct ubd_host *h, struct ubd_req *r)
{
	bool small = r->op == UBD_FLUSH || (r->op == UBD_WRITE && r->len <= SMALL_WRITE);
	uint64_t ns;

	if (h->flags & UBD_F_INLINE) {
		r->next = NULL;
		r->spare = 0;
		r->status = guest_status(serve(h, r));
		return true;
	}
	if (r->op == UBD_READ && !r->preflush && !r->fua)
		return read_cached(h, r);
	if (!small || !r->waited_for || (flushes(h, r) && !waits_itself(h, r)))
		return false;
	ns = serve_timed(h, r);
	r->spare = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
	return true;
}

/*
 * Passes a request to a worker, which is woken after the lock is released. Returns like
 * ubd_host_submit().
 */
static int enqueue(struct ubd_host *h, struct ubd_req *r)
{
	bool wake = false;

	r->next = NULL;
	r->spare = 0;
	__atomic_add_fetch(&h->busy, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&h->lock);
	*h->todo_tail = r;
	h->todo_tail = &r->next;
	if (h->idle) {
		h->idle--;
		h->woken++;
		__atomic_add_fetch(&h->work, 1, __ATOMIC_RELAXED);
		wake = true;
	} else if (h->threads < h->max_threads && os_worker_start("ubd", worker, h) == 0) {
		h->threads++;
	}
	/* No thread could be started: this vCPU serves the request, slowly. */
	if (!h->threads) {
		h->todo = NULL;
		h->todo_tail = &h->todo;
		pthread_mutex_unlock(&h->lock);
		__atomic_sub_fetch(&h->busy, 1, __ATOMIC_RELAXED);
		r->status = guest_status(serve(h, r));
		return 1;
	}
	pthread_mutex_unlock(&h->lock);
	if (wake)
		os_futex_wake(&h->work, 1);
	return 0;
}

/*
 * Appends finished direct reads to the list whose end is @last, and returns the new end. A read
 * that failed or was partial goes to a worker, which can handle the error.
 */
static struct ubd_req **reap_direct(struct ubd_host *h, struct ubd_req **last)
{
	struct ubd_req *r;
	int64_t res;

	while (h->aio && (r = ubd_aio_reap(h->aio, &res))) {
		r->status = 0;
		if (res < 0)
			note_refusal(h, r, res);
		if (res != (int64_t)r->len && !enqueue(h, r))
			continue;
		r->next = NULL;
		*last = r;
		last = &r->next;
	}
	return last;
}

int ubd_host_submit(int host, struct ubd_req *r)
{
	struct ubd_host *h = os_object(host);
	bool direct;

	if (serve_at_once(h, r))
		return 1;
	direct = submit_direct(h, r);
	/* reports the read sooner than a vCPU polls the event set */
	if (h->aio && ubd_aio_ready(h->aio))
		os_irq_raise(h->irq);
	return direct ? 0 : enqueue(h, r);
}

/* A worker puts a request on the done list before it decrements busy. */
int ubd_host_is_quiet(int host)
{
	const struct ubd_host *h = os_object(host);

	return !__atomic_load_n(&h->busy, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&h->done, __ATOMIC_ACQUIRE) &&
	       (!h->aio || ubd_aio_is_quiet(h->aio));
}

struct ubd_req *ubd_host_reap(int host)
{
	struct ubd_host *h = os_object(host);
	struct ubd_req *r = __atomic_exchange_n(&h->done, NULL, __ATOMIC_ACQUIRE), *list = NULL,
		       **last;

	while (r) {
		struct ubd_req *next = r->next;

		r->next = list;
		list = r;
		r = next;
	}
	for (last = &list; *last; last = &(*last)->next)
		;
	reap_direct(h, last);
	return list;
}

/* ---- opening and closing ---- */

/* Returns the limit of workers, from the number of CPUs that this process may use. */
static int worker_count(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	n *= WORKERS_PER_CPU;
	return n < WORKERS_MIN ? WORKERS_MIN : n > WORKERS_MAX ? WORKERS_MAX : n;
}

void disk_workers_init(struct ubd_host *h)
{
	h->max_threads = worker_count();
	h->todo_tail = &h->todo;
	h->quick_row = QUICK_ROW;
	pthread_mutex_init(&h->lock, NULL);
}

void disk_workers_end(struct ubd_host *h)
{
	if (!h->threads)
		return;
	pthread_mutex_lock(&h->lock);
	h->closing = 1;
	wake_all_locked(h);
	while (h->threads)
		sleep_locked(h);
	pthread_mutex_unlock(&h->lock);
}
