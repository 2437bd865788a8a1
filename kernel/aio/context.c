/* SPDX-License-Identifier: MIT */
/*
 * context.c: contexts of asynchronous I/O and their rings: io_setup, io_destroy, io_getevents,
 * io_pgetevents.
 *
 * A context belongs to an address space, where its ring of events is mapped; its id is the ring's
 * address, even after mremap. The kernel writes events through its own mapping of the ring's pages,
 * which it keeps pinned. So a guest that unmaps or overwrites the ring harms only itself: the
 * kernel reads `head` once, modulo the ring's size, and has its own copy of `tail`.
 *
 * States: alive -> dead (io_destroy, or the end of the address space): off the list; its requests
 * are cancelled, and their end is awaited.
 *
 * Invariants: 1. inflight + events not yet read <= nr - 1, as long as the guest sets head
 * correctly. Locks: aio_lock for the lists and aio_nr; reap for head; ctx->lock for tail, inflight,
 * requests.
 */
#include <asm/mman.h>
#include <linux/mman.h>

#include "kernel/aio/aio.h"
#include "kernel/event/eventfd.h"
#include "kernel/lib/sysctl.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/time.h"

#define NR_LIMIT (0x10000000U / sizeof(struct io_event))

static DEFINE_SPINLOCK(aio_lock);
static u64 aio_nr; /* under aio_lock */
static int aio_max_nr = 65536;

/* ---- contexts ---- */

static struct aio_ring *ring_of(const struct aio_context *c)
{
	return page_address(c->pages[0]);
}

static void free_pages_of(struct aio_context *c)
{
	for (u32 i = 0; i < c->nr_pages; i++)
		put_page(c->pages[i]);
	kfree(c->pages);
}

void aio_context_put(struct aio_context *c)
{
	if (!atomic_dec_and_test(&c->refs))
		return;
	free_pages_of(c);
	kfree(c);
}

static int count_context(u32 nr)
{
	int err = 0;

	spin_lock(&aio_lock);
	if (aio_nr + nr > (u64)aio_max_nr)
		err = -EAGAIN;
	else
		aio_nr += nr;
	spin_unlock(&aio_lock);
	return err;
}

static void uncount_context(u32 nr)
{
	spin_lock(&aio_lock);
	aio_nr -= nr;
	spin_unlock(&aio_lock);
}

/* Maps the ring into current's address space and pins its pages. */
static int map_ring(struct aio_context *c)
{
	struct file *f = shmem_file_setup("[aio]", (loff_t)c->size);
	int err = 0;

	if (IS_ERR(f))
		return PTR_ERR(f);
	/*
	 * The ring is not executable, even with READ_IMPLIES_EXEC: programs control bytes that the
	 * kernel writes there.
	 */
	f->f_mode |= FMODE_NOEXEC;
	c->id = do_mmap(current->mm, f, 0, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	fput(f);
	if (IS_ERR_VALUE(c->id))
		return -ENOMEM;
	for (u64 n = c->size >> PAGE_SHIFT; !err && c->nr_pages < n;) {
		err = pin_user_page(
			UADDR(c->id + c->nr_pages * PAGE_SIZE), true, &c->pages[c->nr_pages]);
		if (!err)
			c->nr_pages++;
	}
	if (err)
		do_munmap(current->mm, c->id, c->size);
	return err;
}

/*
 * Makes a context for @nr requests, with one reference, and maps its ring in the guest. Returns
 * ERR_PTR on failure.
 */
static struct aio_context *context_new(u32 nr)
{
	struct aio_context *c = kzalloc(sizeof(*c), GFP_KERNEL);
	u64 events = 2UL * max(nr, (u32)nr_cpus * 4) + 2;
	int err = -ENOMEM;

	if (!c)
		return ERR_PTR(-ENOMEM);
	atomic_set(&c->refs, 1);
	mutex_init(&c->reap);
	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->requests);
	init_waitqueue_head(&c->wait);
	c->max_reqs = nr;
	c->size = PAGE_ALIGN(sizeof(struct aio_ring) + events * sizeof(struct io_event));
	c->nr = (u32)((c->size - sizeof(struct aio_ring)) / sizeof(struct io_event));
	c->pages = kcalloc(c->size >> PAGE_SHIFT, sizeof(*c->pages), GFP_KERNEL);
	if (c->pages)
		err = map_ring(c);
	if (err) {
		aio_context_put(c);
		return ERR_PTR(err);
	}
	*ring_of(c) = (struct aio_ring){ .nr = c->nr,
		.magic = AIO_RING_MAGIC,
		.compat_features = 1,
		.header_length = sizeof(struct aio_ring) };
	return c;
}

struct aio_context *aio_find(u64 id)
{
	struct aio_context *c, *found = NULL;

	spin_lock(&aio_lock);
	list_for_each_entry(c, &current->mm->aio_contexts, link) {
		if (c->id != id)
			continue;
		atomic_inc(&c->refs);
		found = c;
		break;
	}
	spin_unlock(&aio_lock);
	return found;
}

/*
 * Updates the id of a context whose ring was moved. The context is found by the ring's first page,
 * which it has pinned.
 */
static void aio_moved(struct vm_area *v)
{
	struct page *first = find_get_page(v->vm_mapping, 0);
	struct aio_context *c;

	if (!first)
		return;
	spin_lock(&aio_lock);
	list_for_each_entry(c, &v->vm_mm->aio_contexts, link)
		if (c->pages[0] == first)
			c->id = v->vm_start;
	spin_unlock(&aio_lock);
	put_page(first);
}

/*
 * Takes the context with @id off the list, or the first one if @any is set. Returns it with the
 * list's reference, for the caller to kill, or NULL.
 */
static struct aio_context *take_context(struct mm *mm, u64 id, bool any)
{
	struct aio_context *c, *found = NULL;

	spin_lock(&aio_lock);
	list_for_each_entry(c, &mm->aio_contexts, link) {
		if (any || c->id == id) {
			found = c;
			list_del_init(&c->link);
			break;
		}
	}
	spin_unlock(&aio_lock);
	return found;
}

static u32 inflight(struct aio_context *c)
{
	u32 n;

	spin_lock(&c->lock);
	n = c->inflight;
	spin_unlock(&c->lock);
	return n;
}

static void kill_context(struct aio_context *c)
{
	struct aio_request *r;

	spin_lock(&c->lock);
	c->dead = true;
	list_for_each_entry(r, &c->requests, link)
		async_poll_cancel(&r->poll);
	spin_unlock(&c->lock);
	wake_up_all(&c->wait);
	wait_event(&c->wait, !inflight(c));
	uncount_context(c->max_reqs);
}

static void exit_aio(struct mm *mm)
{
	struct aio_context *c;

	while ((c = take_context(mm, 0, true))) {
		kill_context(c);
		aio_context_put(c);
	}
}

long sys_io_setup(u32 nr, uaddr_t ctxp)
{
	struct aio_context *c;
	u64 id;

	if (get_user(id, ctxp))
		return -EFAULT;
	if (id || !nr || nr > NR_LIMIT)
		return -EINVAL;
	if (count_context(nr))
		return -EAGAIN;
	c = context_new(nr);
	if (IS_ERR(c)) {
		uncount_context(nr);
		return PTR_ERR(c);
	}
	id = c->id;
	spin_lock(&aio_lock);
	list_add_tail(&c->link, &current->mm->aio_contexts);
	spin_unlock(&aio_lock);
	if (!put_user(id, ctxp))
		return 0;
	sys_io_destroy(id);
	return -EFAULT;
}

long sys_io_destroy(u64 id)
{
	struct aio_context *c = take_context(current->mm, id, false);

	if (!c)
		return -EINVAL;
	kill_context(c);
	do_munmap(current->mm, c->id, c->size);
	aio_context_put(c);
	return 0;
}

/* ---- events ---- */

static struct io_event *event_at(struct aio_context *c, u32 i)
{
	u64 off = sizeof(struct aio_ring) + (u64)i * sizeof(struct io_event);

	return (void *)((char *)page_address(c->pages[off >> PAGE_SHIFT]) + (off & ~PAGE_MASK));
}

/* Returns the guest's head, modulo the size of the ring. */
static u32 head_of(struct aio_context *c)
{
	return READ_ONCE(ring_of(c)->head) % c->nr;
}

static u32 waiting(struct aio_context *c)
{
	u32 head = head_of(c), tail = READ_ONCE(c->tail);

	return tail >= head ? tail - head : tail + c->nr - head;
}

int aio_reserve(struct aio_context *c)
{
	int err = 0;

	spin_lock(&c->lock);
	if (c->dead)
		err = -EINVAL;
	else if (c->inflight + waiting(c) >= c->nr - 1)
		err = -EAGAIN;
	else
		c->inflight++;
	spin_unlock(&c->lock);
	return err;
}

void aio_unreserve(struct aio_context *c)
{
	bool last;

	spin_lock(&c->lock);
	c->inflight--;
	last = c->dead && !c->inflight;
	spin_unlock(&c->lock);
	if (last)
		wake_up_all(&c->wait);
}

void aio_complete(struct aio_context *c, uaddr_t user, u64 data, s64 res, struct file *eventfd)
{
	bool enough, last;

	spin_lock(&c->lock);
	*event_at(c, c->tail) = (struct io_event){ .data = data, .obj = user.v, .res = res };
	c->tail = (c->tail + 1) % c->nr;
	smp_store_release(&ring_of(c)->tail, c->tail);
	c->inflight--;
	enough = c->wanted && waiting(c) >= c->wanted;
	if (enough)
		/* a waiter that finds too few events sets it again */
		c->wanted = 0;
	last = c->dead && !c->inflight;
	spin_unlock(&c->lock);
	if (eventfd)
		eventfd_signal(eventfd, 1);
	if (enough || last)
		wake_up_all(&c->wait);
}

/*
 * True if the ring has at least @n events, or the context is dead. Otherwise sets the context's
 * wanted count, so that the caller, which is about to sleep, is woken up at @n events.
 */
static bool enough_events(struct aio_context *c, u32 n)
{
	bool there;

	spin_lock(&c->lock);
	there = c->dead || waiting(c) >= n;
	if (!there && (!c->wanted || n < c->wanted))
		c->wanted = n;
	spin_unlock(&c->lock);
	return there;
}

/* Copies up to @nr events to the guest. Returns their number, or -EFAULT. */
static long reap(struct aio_context *c, s64 nr, uaddr_t to)
{
	u32 head, tail;
	long n = 0;

	mutex_lock(&c->reap);
	head = head_of(c);
	tail = smp_load_acquire(&c->tail);
	while (n < nr && head != tail) {
		struct io_event e = *event_at(c, head);

		if (copy_to_user(uaddr_add(to, (u64)n * sizeof(e)), &e, sizeof(e))) {
			n = -EFAULT;
			break;
		}
		n++;
		head = (head + 1) % c->nr;
	}
	if (n > 0)
		WRITE_ONCE(ring_of(c)->head, head);
	mutex_unlock(&c->reap);
	return n;
}

static long read_events(struct aio_context *c, s64 min_nr, s64 nr, uaddr_t to, u64 deadline)
{
	long got = 0, n;
	int err = 0;

	for (;;) {
		n = reap(c, nr - got, uaddr_add(to, (u64)got * sizeof(struct io_event)));
		if (n < 0)
			return got ? got : n;
		got += n;
		if (got >= min_nr || err)
			break;
		if (READ_ONCE(c->dead))
			return got ? got : -EINVAL;
		err = wait_event_timeout(&c->wait,
			enough_events(c, (u32)min(min_nr - got, (s64)c->nr / 2)), deadline, true);
	}
	return got || err != -ERESTARTSYS ? got : -EINTR;
}

static long getevents(u64 id, s64 min_nr, s64 nr, uaddr_t to, uaddr_t timeout)
{
	u64 ns, deadline = ~0UL;
	struct aio_context *c;
	long ret;

	if (timeout.v) {
		ret = get_timespec(timeout, &ns);
		if (ret == -EFAULT)
			return ret;
		deadline = deadline_in(ret ? 0 : ns);
	}
	c = aio_find(id);
	if (!c)
		return -EINVAL;
	ret = -EINVAL;
	if (min_nr >= 0 && min_nr <= nr)
		ret = read_events(c, min_nr, nr, to, deadline);
	if (ret > 0)
		arch_entry.ring_offer(c->id, c->size);
	aio_context_put(c);
	return ret;
}

long sys_io_getevents(u64 id, long min_nr, long nr, uaddr_t events, uaddr_t timeout)
{
	return getevents(id, min_nr, nr, events, timeout);
}

long sys_io_pgetevents(u64 id, long min_nr, long nr, uaddr_t events, uaddr_t timeout, uaddr_t usig)
{
	struct {
		u64 mask, size;
	} sig = { 0, 0 };
	long ret;

	if (usig.v && copy_from_user(&sig, usig, sizeof(sig)))
		return -EFAULT;
	ret = set_user_sigmask(UADDR(sig.mask), sig.size);
	if (ret)
		return ret;
	ret = getevents(id, min_nr, nr, events, timeout);
	restore_saved_sigmask_unless(ret == -EINTR);
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

/* ---- limits ---- */

static int show_aio_nr(char *buf, size_t size)
{
	return scnprintf(buf, size, "%lu\n", READ_ONCE(aio_nr));
}

static const struct sysctl table[] = {
	{ .path = "fs/aio-nr", .kind = SYSCTL_SHOW, .mode = 0444, .show = show_aio_nr },
	{ .path = "fs/aio-max-nr",
		.kind = SYSCTL_INT,
		.mode = 0644,
		.data = &aio_max_nr,
		.min = 0,
		.max = 1 << 24 },
};

static const struct mm_aio_ops aio_ops_for_mm = { .exit = exit_aio, .moved = aio_moved };

static int aio_init(void)
{
	mm_aio_ops = &aio_ops_for_mm;
	return sysctl_register(table, ARRAY_SIZE(table));
}
INITCALL(3, aio_init);
