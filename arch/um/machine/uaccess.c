/* SPDX-License-Identifier: MIT */
/*
 * uaccess.c: the kernel's reads and writes of guest memory. They walk the guest's page table and
 * copy through the direct map.
 *
 *	copy_from_user(), copy_to_user(), get_user(), put_user(), strncpy_from_user(),
 *	cmpxchg_user_u32()
 *
 * Access is one page at a time: under page_table_lock the entry is looked up and checked for the
 * right, and the bytes are copied. So the frame cannot be freed or write-protected during the copy,
 * and no reference is needed. The lock is nearly always free (one atomic operation), and a page's
 * copy takes a tenth of a microsecond. A page that is missing or may not be written to yet is
 * faulted in with the lock dropped (mm/fault/fault.c), then the copy continues.
 *
 * A frame may be a host file's page that the host can no longer provide. The page then reads as
 * zeros, so the reader checks region_lost() before it drops the lock and returns -EFAULT.
 *
 * Guest memory is hostile: each byte is read once, and the walk itself checks the address: an
 * address without entry and area is -EFAULT.
 *
 * Locks: page_table_lock of the mm. The caller holds no spinlock that is ordered behind it, and no
 * spinlock at all where a fault may come.
 */
#include "arch/um/machine/uaccess.h"

#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/debug/uninit.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

bool access_ok(uaddr_t a, size_t n)
{
	u64 limit = arch_task_size();

	return n <= limit && a.v <= limit - n;
}

/*
 * Returns the direct-map address of the guest's byte with page_table_lock held. Returns NULL
 * without the lock if the page is missing, lacks the right or, for a write, may not be the one that
 * the space maps.
 */
static char *user_lock(struct mm *mm, u64 addr, bool write)
{
	pte_t *e;

	spin_lock(&mm->page_table_lock);
	e = pmap_pte(&mm->pmap, addr, false);
	if (likely(e && *e & PTE_P && (!write || (*e & PTE_RW && !pte_is_replaced(*e))))) {
		if (write && unlikely(*e & PTE_RESERVED))
			*e &= ~PTE_RESERVED; /* a write of zeros is a touch too */
		return (char *)pfn_to_virt(pte_pfn(*e)) + (addr & (PAGE_SIZE - 1));
	}
	spin_unlock(&mm->page_table_lock);
	return NULL;
}

static void user_unlock(struct mm *mm)
{
	spin_unlock(&mm->page_table_lock);
}

/* times that a fault is resolved and undone by another thread before the access fails */
#define MAX_TRIES 64

/*
 * Does what user_lock() does, but first faults in a page that is missing or lacks the right. NULL
 * means -EFAULT.
 */
static char *user_lock_fault(struct mm *mm, u64 addr, bool write)
{
	char *p;

	might_sleep();
	p = user_lock(mm, addr, write);
	for (int i = 0; unlikely(!p) && i < MAX_TRIES; i++) {
		if (user_fault_in(mm, addr, write))
			return NULL;
		p = user_lock(mm, addr, write);
	}
	return p;
}

int user_make_present(uaddr_t ua, bool write)
{
	struct mm *mm = current->mm;

	if (!mm || !access_ok(ua, 1) || !user_lock_fault(mm, ua.v, write))
		return -EFAULT;
	user_unlock(mm);
	return 0;
}

static size_t in_page(u64 addr, size_t n)
{
	return min_t(size_t, n, PAGE_SIZE - (addr & (PAGE_SIZE - 1)));
}

typedef void (*copy_fn)(char *user, char *kernel, size_t n);

static inline void from_user(char *user, char *kernel, size_t n)
{
	memcpy(kernel, user, n);
}

static inline void to_user(char *user, char *kernel, size_t n)
{
	memcpy(user, kernel, n);
}

static inline void zero_user(char *user, char *kernel, size_t n)
{
	memset(user, 0, n);
}

/* Copies by @copy, page by page. Returns the number of bytes that were not copied. */
static inline size_t user_copy(
	u64 addr, char *buf, size_t n, bool write, bool nofault, copy_fn copy)
{
	struct mm *mm = current->mm;
	bool lost;

	if (unlikely(!mm || !access_ok(UADDR(addr), n)))
		return n;
	while (n) {
		size_t piece = in_page(addr, n);
		char *p = nofault ? user_lock(mm, addr, write) : user_lock_fault(mm, addr, write);

		if (unlikely(!p))
			break;
		copy(p, buf, piece);
		lost = !write && region_lost(p);
		user_unlock(mm);
		if (unlikely(lost))
			break;
		addr += piece;
		buf += piece;
		n -= piece;
	}
	return n;
}

size_t copy_from_user(void *dst, uaddr_t src, size_t n)
{
	return user_copy(src.v, dst, n, false, false, from_user);
}

int copy_struct_from_user(void *dst, size_t known, uaddr_t src, size_t size)
{
	u8 more[64];
	size_t n, left;

	/* an unknown byte that is not 0 is -E2BIG, even if a later one cannot be read */
	for (size_t at = known; at < size; at += n) {
		n = min(size - at, sizeof(more));
		left = copy_from_user(more, uaddr_add(src, at), n);
		for (size_t i = 0; i < n - left; i++)
			if (more[i])
				return -E2BIG;
		if (left)
			return -EFAULT;
	}
	memset(dst, 0, known);
	return copy_from_user(dst, src, min(size, known)) ? -EFAULT : 0;
}

size_t copy_to_user(uaddr_t dst, const void *src, size_t n)
{
	uninit_check(src, n);
	return user_copy(dst.v, (char *)src, n, true, false, to_user);
}

size_t clear_user(uaddr_t dst, size_t n)
{
	return user_copy(dst.v, NULL, n, true, false, zero_user);
}

size_t copy_from_user_nofault(void *dst, uaddr_t src, size_t n)
{
	return user_copy(src.v, dst, n, false, true, from_user);
}

size_t copy_to_user_nofault(uaddr_t dst, const void *src, size_t n)
{
	uninit_check(src, n);
	return user_copy(dst.v, (char *)src, n, true, true, to_user);
}

/* ---- strings ---- */

typedef u64 word_t __attribute__((may_alias, aligned(1)));

/* Sets 0x80 in each byte of @v that is 0, and perhaps in bytes above the lowest of them. */
static inline u64 zero_bytes(u64 v)
{
	return (v - 0x0101010101010101UL) & ~v & 0x8080808080808080UL;
}

/*
 * Copies up to @n bytes (with @dst NULL only scans them) up to a terminator. Returns the index of
 * the terminator, or @n. Each byte is read once.
 */
static size_t copy_string(char *dst, const char *p, size_t n)
{
	size_t i = 0;

	for (; i + sizeof(word_t) <= n; i += sizeof(word_t)) {
		u64 v = READ_ONCE(*(const word_t *)(p + i)), zero = zero_bytes(v);

		if (dst)
			*(word_t *)(dst + i) = v;
		if (zero)
			return i + (size_t)(__builtin_ctzl(zero) / 8);
	}
	for (; i < n; i++) {
		char c = READ_ONCE(p[i]);

		if (dst)
			dst[i] = c;
		if (!c)
			return i;
	}
	return n;
}

/*
 * Looks for the terminator in at most @n bytes, and copies the bytes to @dst unless @dst is NULL.
 * Returns the index of the terminator, @n if there is no terminator, or -EFAULT.
 */
static ssize_t scan_string(char *dst, u64 addr, size_t n)
{
	struct mm *mm = current->mm;
	size_t done = 0;
	bool lost;

	while (done < n && mm) {
		size_t piece = in_page(addr, n - done), len;
		char *p;

		if (!access_ok(UADDR(addr), 1))
			return -EFAULT;
		p = user_lock_fault(mm, addr, false);
		if (!p)
			return -EFAULT;
		len = copy_string(dst ? dst + done : NULL, p, piece);
		lost = region_lost(p);
		user_unlock(mm);
		if (unlikely(lost))
			return -EFAULT;
		done += len;
		if (len < piece)
			return (ssize_t)done;
		addr += piece;
	}
	return mm ? (ssize_t)n : -EFAULT;
}

ssize_t strncpy_from_user(char *dst, uaddr_t src, size_t n)
{
	return scan_string(dst, src.v, n);
}

size_t strnlen_user(uaddr_t s, size_t max)
{
	ssize_t len = scan_string(NULL, s.v, max);

	return len < 0 ? 0 : (size_t)len + 1;
}

/* ---- single words ---- */

int cmpxchg_user_u32(uaddr_t ua, u32 *old, u32 new_value)
{
	struct mm *mm = current->mm;
	char *p;

	if (ua.v & 3)
		return -EINVAL;
	if (!mm || !access_ok(ua, sizeof(u32)))
		return -EFAULT;
	p = user_lock_fault(mm, ua.v, true);
	if (!p)
		return -EFAULT;
	__atomic_compare_exchange_n(
		(u32 *)p, old, new_value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	user_unlock(mm);
	return 0;
}

int load_user_u32(uaddr_t ua, u32 *val)
{
	struct mm *mm = current->mm;
	bool lost;
	char *p;

	if (ua.v & 3)
		return -EINVAL;
	if (!mm || !access_ok(ua, sizeof(u32)))
		return -EFAULT;
	p = user_lock_fault(mm, ua.v, false);
	if (!p)
		return -EFAULT;
	*val = __atomic_load_n((u32 *)p, __ATOMIC_SEQ_CST);
	lost = region_lost(p);
	user_unlock(mm);
	return lost ? -EFAULT : 0;
}

int load_user_u32_nofault(uaddr_t ua, u32 *val)
{
	struct mm *mm = current->mm;
	char *p =
		mm && !(ua.v & 3) && access_ok(ua, sizeof(u32)) ? user_lock(mm, ua.v, false) : NULL;
	bool lost;

	if (!p)
		return -EFAULT;
	*val = __atomic_load_n((u32 *)p, __ATOMIC_SEQ_CST);
	lost = region_lost(p);
	user_unlock(mm);
	return lost ? -EFAULT : 0;
}

/* ---- pages; other address spaces ---- */

int pin_user_page(uaddr_t ua, bool write, struct page **page)
{
	struct mm *mm = current->mm;
	struct page *p;

	if (!mm || !access_ok(ua, 1))
		return -EFAULT;
	p = get_user_page(mm, ua.v, write ? FOLL_WRITE : 0);
	if (IS_ERR(p))
		return -EFAULT;
	*page = p;
	return 0;
}

/*
 * Marks the page dirty after the kernel wrote to it: it may have been written back, and be clean,
 * since its entry was checked.
 */
static void written_to(struct page *p)
{
	smp_mb();
	if (!READ_ONCE(p->mapping) || PageDirty(p))
		return;
	lock_page(p);
	if (p->mapping)
		set_page_dirty(p);
	unlock_page(p);
}

/* Does what access_mm() does, with FOLL_* in @flags. */
static ssize_t access_pages(struct mm *mm, u64 addr, void *buf, size_t n, u32 flags)
{
	bool write = flags & FOLL_WRITE;
	size_t done = 0;

	while (done < n) {
		size_t piece = in_page(addr, n - done);
		struct page *p = access_ok(UADDR(addr), 1) ? get_user_page(mm, addr, flags) :
							     ERR_PTR(-EFAULT);
		bool lost;
		char *at;

		if (IS_ERR_OR_NULL(p))
			break;
		at = (char *)page_address(p) + (addr & (PAGE_SIZE - 1));
		if (write)
			memcpy(at, (char *)buf + done, piece);
		else
			memcpy((char *)buf + done, at, piece);
		if (write)
			written_to(p);
		lost = !write && region_lost(at);
		put_page(p);
		if (lost)
			break;
		done += piece;
		addr += piece;
	}
	return done || !n ? (ssize_t)done : -EFAULT;
}

ssize_t access_mm(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force)
{
	return access_pages(mm, addr, buf, n, (write ? FOLL_WRITE : 0) | (force ? FOLL_FORCE : 0));
}

ssize_t read_mm_anon(struct mm *mm, u64 addr, void *buf, size_t n)
{
	return access_pages(mm, addr, buf, n, FOLL_FORCE | FOLL_ANON);
}
