/* SPDX-License-Identifier: MIT */
/*
 * uaccess.h: the kernel's only way to guest memory. Addresses are of current->mm unless an mm is
 * passed. All functions may sleep in a fault, which takes mmap_lock, so the caller holds no
 * spinlock and no lock that is ordered behind mmap_lock, except where a comment says otherwise.
 * Each byte of guest memory is read once. Sizes are bytes.
 */
#ifndef NESTLING_UACCESS_H
#define NESTLING_UACCESS_H

#include "kernel/lib/types.h"

struct mm;
struct page;

/* Copy or clear @n bytes. Return the number of bytes NOT done, 0 on success, as on Linux. */
size_t copy_from_user(void *dst, uaddr_t src, size_t n);
size_t copy_to_user(uaddr_t dst, const void *src, size_t n);
size_t clear_user(uaddr_t dst, size_t n);
/*
 * Copies an extensible structure. The guest's has @size bytes, @dst has @known. Bytes that the
 * guest's structure lacks become zero, and its bytes beyond @known must be zero. Returns 0, -EFAULT
 * or -E2BIG (a byte beyond is not zero). The caller has limited @size (clone3 and openat2 allow a
 * page).
 */
int copy_struct_from_user(void *dst, size_t known, uaddr_t src, size_t size);
/*
 * For copies with locks held, also spinlocks that come before page_table_lock: do not fault pages
 * in, so the copy ends at the first page that is missing. Return the bytes not copied.
 */
size_t copy_from_user_nofault(void *dst, uaddr_t src, size_t n);
size_t copy_to_user_nofault(uaddr_t dst, const void *src, size_t n);
/* Faults in the page of current->mm at @ua unless it is present. Returns 0 or -EFAULT. */
int user_make_present(uaddr_t ua, bool write);
/*
 * Copies a string of at most @n bytes, the terminator included. Returns its length without the
 * terminator; @n if the first @n bytes have no terminator, which @dst then lacks; or -EFAULT.
 */
ssize_t strncpy_from_user(char *dst, uaddr_t src, size_t n);
/*
 * Returns the length of the string at @s, with the terminator; a number above @max if the first
 * @max bytes have no terminator; 0 on a fault.
 */
size_t strnlen_user(uaddr_t s, size_t max);
/*
 * Copies memory of another mm (ptrace, /proc/PID/mem, cmdline), to which the caller has a
 * reference, to @buf, or with @write from @buf. Returns the bytes copied, fewer at a fault, or
 * -EFAULT if none. @force: ignores protections, as ptrace does.
 */
ssize_t access_mm(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force);
/*
 * Like access_mm() to read with @force, but of anonymous memory only. A page of a file is refused,
 * since the server of a FUSE file may never provide it.
 */
ssize_t read_mm_anon(struct mm *mm, u64 addr, void *buf, size_t n);

/* True if [a, a+n) lies within the addresses that guests may map (no mapping is looked up). */
bool access_ok(uaddr_t a, size_t n);

/* Copy a scalar; the result is 0 or -EFAULT. */
#define get_user(x, ua) (copy_from_user(&(x), (ua), sizeof(x)) ? -EFAULT : 0)
#define put_user(x, ua)                                                                            \
	({                                                                                         \
		__typeof__(x) pu_ = (x);                                                           \
		copy_to_user((ua), &pu_, sizeof(pu_)) ? -EFAULT : 0;                               \
	})

/*
 * Do an atomic operation on an aligned 32-bit guest word. Return 0 with the word's former value in
 * *old or *val, or -EFAULT, or -EINVAL if @ua is not aligned. cmpxchg_user_u32() writes @new_value
 * if the word was *old, so the caller compares *old with its earlier value.
 */
int cmpxchg_user_u32(uaddr_t ua, u32 *old, u32 new_value);
int load_user_u32(uaddr_t ua, u32 *val);
/*
 * Reads a word without a fault, so it may be called with spinlocks held that come before
 * page_table_lock in the lock order. Returns 0, or -EFAULT also if the page is not present.
 */
int load_user_u32_nofault(uaddr_t ua, u32 *val);

/*
 * Faults in the page at @ua, for writing if @write, and takes a reference, which the caller drops
 * with put_page(). Returns 0 or -EFAULT. For futex keys, vmsplice, O_DIRECT.
 */
int pin_user_page(uaddr_t ua, bool write, struct page **page);

/* A piece of guest memory, as in a guest's struct iovec. */
struct uvec {
	u64 base;
	u64 len; /* bytes */
};
/*
 * An asynchronous transfer: the caller does not wait for its end. If read_iter or write_iter
 * returns -EIOCBQUEUED, done() is called once, with bytes or -errno, at a boundary or in any task,
 * perhaps before read_iter has returned. done() may not sleep, and may free @a. Any other return
 * value is the result, and done() is not called.
 */
struct io_async {
	void (*done)(struct io_async *a, ssize_t res);
};
/*
 * An iterator over memory to read into or write from: guest vectors, one kernel buffer, or what a
 * function copies (ITER_CALL). It owns no memory.
 */
struct iov_iter {
	enum { ITER_USER, ITER_KERNEL, ITER_CALL } type;
	/* RWF_APPEND: writes at the end of the file, not at its position */
	bool append;
	/* RWF_NOAPPEND: writes at the position, although the file has O_APPEND */
	bool in_place;
	bool nofault; /* a copy ends at a missing page */
	/* use the page cache, although the file is open with O_DIRECT */
	bool cached;
	/* RWF_NOWAIT: the transfer returns -EAGAIN instead of waiting for the disk */
	bool nowait;
	/*
	 * With nowait: the caller waits by itself after -EAGAIN, and tries again. So a result that
	 * a waiting call would give at once (such as 0 at the end) must not become -EAGAIN.
	 */
	bool waits_later;
	/*
	 * dsync: RWF_DSYNC; sync: RWF_SYNC. A write that returns -EIOCBQUEUED makes its data
	 * durable itself; after any other result the caller does.
	 */
	bool dsync, sync;
	struct io_async *async; /* NULL: the call waits */
	/* ITER_USER: the caller's array, which lives as long as the iterator; NULL: @one is used */
	const struct uvec *vec;
	u32 nr_vecs;
	u64 vec_off;                                              /* bytes, into vec[0] or @one */
	char *kbuf;                                               /* ITER_KERNEL */
	size_t (*copy)(struct iov_iter *it, void *buf, size_t n); /* ITER_CALL */
	void *private;                                            /* of copy() */
	size_t count;                                             /* bytes that are left */
	struct uvec one;                                          /* for a single buffer */
};
/*
 * Set @it up for one buffer of @n bytes: of current's guest memory, cut to 2 GiB less a page, or of
 * the kernel.
 */
void iov_iter_user(struct iov_iter *it, uaddr_t buf, size_t n);
void iov_iter_kernel(struct iov_iter *it, void *buf, size_t n);
/*
 * Makes an iterator whose @n bytes @copy moves, in order and once; @copy returns the bytes moved.
 * The user of the iterator moves bytes only by copy_to_iter(), copy_from_iter() or iov_iter_zero().
 * Another move, or a request for frames, is a bug.
 */
void iov_iter_call(struct iov_iter *it, size_t (*copy)(struct iov_iter *, void *, size_t),
	void *private, size_t n);
/*
 * Imports a guest iovec array of @nr entries: returns 0, -EFAULT, -ENOMEM, or -EINVAL for too many
 * entries or a negative length. The total is cut to 2 GiB less a page. The caller frees *@to_free,
 * which may be NULL, by kfree() after the last use of the iterator.
 */
int iov_iter_import(struct iov_iter *it, uaddr_t vec, u64 nr, struct uvec **to_free);
/*
 * Copy or clear min(@n, it->count) bytes. Return the bytes done, fewer on a fault; the iterator
 * advances by them.
 */
size_t copy_to_iter(const void *src, size_t n, struct iov_iter *it);
size_t copy_from_iter(void *dst, size_t n, struct iov_iter *it);
size_t iov_iter_zero(size_t n, struct iov_iter *it);
/* Skips min(@n, it->count) bytes. Not for ITER_CALL. */
void iov_iter_advance(struct iov_iter *it, size_t n);
/* Moves the iterator back by @n bytes, at most to where it was at its import. Not for ITER_CALL. */
void iov_iter_revert(struct iov_iter *it, size_t n);
/*
 * Returns the frames of the first bytes, at most @max (not 0) and @nr pages of one buffer, in
 * @pages; *@off is where the bytes begin in the first frame. @write: the frames will be written to.
 * Returns the number of bytes, by which the iterator advances, or -EFAULT. A guest's frames have a
 * reference each, which the caller drops. A kernel buffer must be in the direct map, and its frames
 * get no reference: its owner keeps the buffer until the transfer has ended.
 */
ssize_t iov_iter_get_pages(
	struct iov_iter *it, size_t max, bool write, struct page **pages, u32 nr, u32 *off);
/* Returns the remaining bytes of the first buffer. */
static inline size_t iov_iter_first_len(const struct iov_iter *it)
{
	return it->vec ? min(it->count, it->vec->len - it->vec_off) : it->count;
}
/*
 * Returns all addresses and lengths ORed together, for a test of their low bits; 0 for ITER_CALL.
 */
u64 iov_iter_alignment(const struct iov_iter *it);
/*
 * Faults in the first min(@n, it->count) bytes, for writing if @write, so that a copy with locks
 * held is likely to succeed. Returns 0 or -EFAULT. Does nothing unless the type is ITER_USER.
 */
int iov_iter_fault_in(struct iov_iter *it, size_t n, bool write);

#endif
