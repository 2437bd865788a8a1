/* SPDX-License-Identifier: MIT */
/*
 * asan.c: the run time of -fsanitize=kernel-address (asan.h lists which accesses are checked).
 *
 * The functions whose names gcc chose (__asan_load4_noabort ...) all call asan_access(). This file
 * is compiled without the sanitizer, and calls nothing that is compiled with it before it has found
 * a fault.
 *
 * Locks: none. A shadow byte belongs to the owner of the eight bytes that it describes.
 *
 * The kernel's own variables and stacks are not checked (the debug build has guard pages for that),
 * nor are frames of the page cache.
 */
#include "kernel/lib/debug/asan.h"

#ifdef CONFIG_ASAN
#include "arch/um/layout.h"
#include "kernel/lib/ksyms.h"
#include "kernel/lib/printk.h"

static u8 *shadow;
static u64 covered;
static u32 reported;

static inline u8 *shadow_of(u64 addr)
{
	return shadow + ((addr - KERNEL_MAP_BASE) >> 3);
}

static inline bool is_covered(u64 addr, size_t n)
{
	return addr - KERNEL_MAP_BASE < covered && n <= covered - (addr - KERNEL_MAP_BASE);
}

void asan_start(void *at, u64 size)
{
	shadow = at;
	__atomic_store_n(&covered, size, __ATOMIC_RELEASE);
}

static void set_shadow(const void *p, size_t n, u8 value)
{
	u8 *s = shadow_of((u64)p);

	if (!is_covered((u64)p, n))
		return;
	for (size_t i = 0; i < n >> 3; i++)
		s[i] = value;
}

void asan_poison(const void *p, size_t n, u8 why)
{
	set_shadow(p, n, why);
}

void asan_unpoison(const void *p, size_t n)
{
	set_shadow(p, n, 0);
}

void asan_object(const void *p, size_t used, size_t size)
{
	size_t whole = used & ~7UL;

	if (!is_covered((u64)p, size))
		return;
	set_shadow(p, whole, 0);
	if (used & 7)
		*shadow_of((u64)p + whole) = used & 7;
	set_shadow((const u8 *)p + round_up(used, 8), size - round_up(used, 8), ASAN_REDZONE);
}

static void report(u64 addr, size_t n, bool write, u64 caller)
{
	u8 why = *shadow_of(addr);
	u64 offset = 0;
	const char *name;

	if (__atomic_exchange_n(&reported, 1, __ATOMIC_RELAXED))
		return;
	name = ksym_lookup(caller, &offset);
	panic("asan: %s of %lu bytes at %#lx, which is %s, in %s+%#lx", write ? "write" : "read",
		(unsigned long)n, (unsigned long)addr,
		why == ASAN_FREED ? "free" : "beyond its object", name ? name : "?",
		(unsigned long)offset);
}

static inline bool byte_is_bad(u64 addr)
{
	u8 s = *shadow_of(addr);

	return unlikely(s) && (s > 7 || (addr & 7) >= s);
}

static inline void asan_access(u64 addr, size_t n, bool write, u64 caller)
{
	u64 last = addr + n - 1;

	if (!n || !is_covered(addr, n))
		return;
	for (u64 at = addr | 7; at < last; at += 8)
		if (byte_is_bad(at))
			return report(at, n, write, caller);
	if (byte_is_bad(last))
		report(last, n, write, caller);
}

void asan_check(const void *p, size_t n, bool write)
{
	asan_access((u64)p, n, write, (u64)__builtin_return_address(0));
}

/* ---- what gcc calls ---- */

#define ASAN_SIZE(n)                                                                               \
	void __asan_load##n##_noabort(u64 addr);                                                   \
	void __asan_load##n##_noabort(u64 addr)                                                    \
	{                                                                                          \
		asan_access(addr, n, false, (u64)__builtin_return_address(0));                     \
	}                                                                                          \
	void __asan_store##n##_noabort(u64 addr);                                                  \
	void __asan_store##n##_noabort(u64 addr)                                                   \
	{                                                                                          \
		asan_access(addr, n, true, (u64)__builtin_return_address(0));                      \
	}
ASAN_SIZE(1)
ASAN_SIZE(2)
ASAN_SIZE(4)
ASAN_SIZE(8)
ASAN_SIZE(16)

void __asan_loadN_noabort(u64 addr, size_t n);
void __asan_loadN_noabort(u64 addr, size_t n)
{
	asan_access(addr, n, false, (u64)__builtin_return_address(0));
}

void __asan_storeN_noabort(u64 addr, size_t n);
void __asan_storeN_noabort(u64 addr, size_t n)
{
	asan_access(addr, n, true, (u64)__builtin_return_address(0));
}

void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}
#endif
