/* SPDX-License-Identifier: MIT */
/*
 * iov_iter.c: iterators over memory to read into or write from: guest vectors, one kernel buffer,
 * or a function that copies. Interface: uaccess.h.
 *
 * Invariants: count is the sum of the remaining bytes of all vectors; vec_off < vec[0].len while
 * count > 0 (empty vectors are skipped). A copy that faults is short, and the iterator then points
 * to the byte that faulted.
 */
#include <asm/errno.h>
#include <linux/uio.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

#define MAX_RW_COUNT 0x7ffff000UL

void iov_iter_user(struct iov_iter *it, uaddr_t buf, size_t n)
{
	memset(it, 0, sizeof(*it));
	it->type = ITER_USER;
	it->count = min_t(size_t, n, MAX_RW_COUNT);
	it->one = (struct uvec){ buf.v, it->count };
	it->nr_vecs = 1;
}

void iov_iter_kernel(struct iov_iter *it, void *buf, size_t n)
{
	memset(it, 0, sizeof(*it));
	it->type = ITER_KERNEL;
	it->kbuf = buf;
	it->count = n;
}

void iov_iter_call(struct iov_iter *it, size_t (*copy)(struct iov_iter *, void *, size_t),
	void *private, size_t n)
{
	*it = (struct iov_iter){ .type = ITER_CALL, .copy = copy, .private = private, .count = n };
}

int iov_iter_import(struct iov_iter *it, uaddr_t vec, u64 nr, struct uvec **to_free)
{
	struct uvec *v;
	u64 total = 0;

	*to_free = NULL;
	if (nr > UIO_MAXIOV)
		return -EINVAL;
	iov_iter_user(it, UNULL, 0);
	it->nr_vecs = 0;
	if (!nr)
		return 0;
	v = kmalloc(nr * sizeof(*v), GFP_KERNEL);
	if (!v)
		return -ENOMEM;
	if (copy_from_user(v, vec, nr * sizeof(*v))) {
		kfree(v);
		return -EFAULT;
	}
	for (u64 i = 0; i < nr; i++) {
		if ((s64)v[i].len < 0 || !access_ok(UADDR(v[i].base), v[i].len)) {
			int err = (s64)v[i].len < 0 ? -EINVAL : -EFAULT;

			kfree(v);
			return err;
		}
		v[i].len = min_t(u64, v[i].len, MAX_RW_COUNT - total);
		total += v[i].len;
	}
	it->vec = v;
	it->nr_vecs = (u32)nr;
	it->count = total;
	iov_iter_advance(it, 0);
	*to_free = v;
	return 0;
}

/*
 * Finds the vectors. The vector of a single buffer lies in the iterator itself, which may be
 * copied, so no pointer to it is kept.
 */
static const struct uvec *vecs(const struct iov_iter *it)
{
	return it->vec ? it->vec : &it->one;
}

void iov_iter_advance(struct iov_iter *it, size_t n)
{
	n = min(n, it->count);
	BUG_ON(n && it->type == ITER_CALL);
	it->count -= n;
	if (it->type == ITER_KERNEL) {
		it->kbuf += n;
		return;
	}
	if (!it->vec) {
		it->vec_off += n;
		return;
	}
	n += it->vec_off;
	while (it->nr_vecs && n >= it->vec->len && (n > it->vec->len || it->nr_vecs > 1)) {
		n -= it->vec->len;
		it->vec++;
		it->nr_vecs--;
	}
	it->vec_off = n;
}

void iov_iter_revert(struct iov_iter *it, size_t n)
{
	BUG_ON(n && it->type == ITER_CALL);
	it->count += n;
	if (it->type == ITER_KERNEL) {
		it->kbuf -= n;
		return;
	}
	while (n > it->vec_off) {
		n -= it->vec_off;
		it->vec--;
		it->nr_vecs++;
		it->vec_off = it->vec->len;
	}
	it->vec_off -= n;
}

enum direction { TO_ITER, FROM_ITER, ZERO_ITER };

static size_t copy_piece(
	const struct iov_iter *it, u64 addr, char *buf, size_t n, enum direction dir)
{
	uaddr_t ua = UADDR(addr);

	switch (dir) {
	case TO_ITER:
		return n -
		       (it->nofault ? copy_to_user_nofault(ua, buf, n) : copy_to_user(ua, buf, n));
	case FROM_ITER:
		return n - (it->nofault ? copy_from_user_nofault(buf, ua, n) :
					  copy_from_user(buf, ua, n));
	case ZERO_ITER: return n - clear_user(ua, n);
	}
	return 0;
}

static void copy_kernel(struct iov_iter *it, char *buf, size_t n, enum direction dir)
{
	if (dir == TO_ITER)
		memcpy(it->kbuf, buf, n);
	else if (dir == FROM_ITER)
		memcpy(buf, it->kbuf, n);
	else
		memset(it->kbuf, 0, n);
}

static size_t iter_copy(struct iov_iter *it, char *buf, size_t n, enum direction dir)
{
	size_t done = 0;

	n = min(n, it->count);
	if (it->type == ITER_KERNEL) {
		copy_kernel(it, buf, n, dir);
		iov_iter_advance(it, n);
		return n;
	}
	if (it->type == ITER_CALL) {
		done = it->copy(it, buf, n);
		it->count -= done;
		return done;
	}
	while (done < n) {
		const struct uvec *v = vecs(it);
		size_t piece = min_t(size_t, n - done, v->len - it->vec_off);
		size_t got =
			copy_piece(it, v->base + it->vec_off, buf ? buf + done : NULL, piece, dir);

		iov_iter_advance(it, got);
		done += got;
		if (got < piece)
			break;
	}
	return done;
}

size_t copy_to_iter(const void *src, size_t n, struct iov_iter *it)
{
	return iter_copy(it, (char *)src, n, TO_ITER);
}

size_t copy_from_iter(void *dst, size_t n, struct iov_iter *it)
{
	return iter_copy(it, dst, n, FROM_ITER);
}

/* Gives zeros to the function of an ITER_CALL iterator. */
static size_t zero_by_call(size_t n, struct iov_iter *it)
{
	static const char zeros[256];
	size_t done = 0, got, piece;

	do {
		piece = min(n - done, sizeof(zeros));
		got = iter_copy(it, (char *)zeros, piece, TO_ITER);
		done += got;
	} while (got && got == piece && done < n);
	return done;
}

size_t iov_iter_zero(size_t n, struct iov_iter *it)
{
	if (it->type == ITER_CALL)
		return zero_by_call(n, it);
	return iter_copy(it, NULL, n, ZERO_ITER);
}

int iov_iter_fault_in(struct iov_iter *it, size_t n, bool write)
{
	const struct uvec *v = vecs(it);
	u64 off = it->vec_off;

	n = min(n, it->count);
	if (it->type != ITER_USER)
		return 0;
	while (n) {
		u64 addr = v->base + off;
		size_t piece = min_t(size_t, n,
			min_t(size_t, v->len - off, PAGE_SIZE - (addr & (PAGE_SIZE - 1))));

		if (piece && user_make_present(UADDR(addr), write))
			return -EFAULT;
		n -= piece;
		off += piece;
		if (off == v->len) {
			v++;
			off = 0;
		}
	}
	return 0;
}

/* ---- the frames of a buffer ---- */

/*
 * Finds @nr frames, and returns @nr. Takes no references: only the first frame of a kmalloc'ed
 * buffer or of a slab counts them, so a last put_page() of another frame would free memory in use.
 */
static s32 kernel_pages(const char *p, u32 nr, struct page **pages)
{
	for (u32 n = 0; n < nr; n++)
		pages[n] = virt_to_page(p + n * PAGE_SIZE);
	return (s32)nr;
}

ssize_t iov_iter_get_pages(
	struct iov_iter *it, size_t max, bool write, struct page **pages, u32 nr, u32 *off)
{
	const struct uvec *v = vecs(it);
	bool user = it->type == ITER_USER;
	u64 addr = user ? v->base + it->vec_off : (u64)it->kbuf;
	size_t n = min(max, it->count);
	s32 got;

	BUG_ON(it->type == ITER_CALL);
	if (user)
		n = min_t(size_t, n, v->len - it->vec_off);
	*off = (u32)(addr & (PAGE_SIZE - 1));
	nr = (u32)min_t(u64, nr, DIV_ROUND_UP(*off + n, PAGE_SIZE));
	got = user ? get_user_pages(addr, nr, write ? FOLL_WRITE : 0, pages) :
		     kernel_pages(it->kbuf, nr, pages);
	if (got < 0)
		return -EFAULT;
	n = min_t(size_t, n, (u64)got * PAGE_SIZE - *off);
	iov_iter_advance(it, n);
	return (ssize_t)n;
}

u64 iov_iter_alignment(const struct iov_iter *it)
{
	const struct uvec *v = vecs(it);
	u64 all = it->type == ITER_KERNEL ? (u64)it->kbuf | it->count : 0;

	for (u32 i = 0; it->type == ITER_USER && i < it->nr_vecs; i++)
		all |= v[i].base | v[i].len;
	return it->type == ITER_USER ? all | it->vec_off : all;
}
