/* SPDX-License-Identifier: MIT */
/*
 * types.h: the fixed-width types, compiler words and small macros that every kernel-world file
 * uses.
 *
 * uaddr_t is a guest virtual address. It is a struct so that it cannot be dereferenced: only the
 * functions of arch/um/machine/uaccess.h access guest memory, and they read each byte once (Law 5
 * of docs/architecture.md).
 */
#ifndef NESTLING_LIB_TYPES_H
#define NESTLING_LIB_TYPES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef s64 ssize_t;
typedef s64 loff_t;
typedef u32 umode_t;
typedef u32 dev_t; /* (major << 20) | minor, see MKDEV */
typedef u32 kuid_t;
typedef u32 kgid_t;
typedef s32 pid_t;
typedef u64 ino_t;
typedef u64 sector_t; /* 512-byte units */
typedef u64 pfn_t;    /* global frame number, 4 KiB units */
typedef u64 ktime_t;  /* nanoseconds */

#ifndef __cplusplus
typedef _Bool bool;
#define true 1
#define false 0
#endif

typedef struct {
	u64 v;
} uaddr_t;

#define UADDR(x) ((uaddr_t){ (u64)(x) })
#define UNULL UADDR(0)
static inline uaddr_t uaddr_add(uaddr_t a, u64 n)
{
	return UADDR(a.v + n);
}

#define S64_MAX ((s64)0x7fffffffffffffffL)
#define U64_MAX (~0UL)

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))
/* Rounds up to a whole page. */
#define PAGE_ALIGN(x) (((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define SECTOR_SHIFT 9

#define MINORBITS 20
#define MKDEV(ma, mi) ((dev_t)(((u32)(ma) << MINORBITS) | (u32)(mi)))
#define MAJOR(d) ((u32)(d) >> MINORBITS)
#define MINOR(d) ((u32)(d) & ((1U << MINORBITS) - 1))

#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __noreturn __attribute__((noreturn))
#define __noinline __attribute__((noinline))
#define __weak __attribute__((weak))
#define __used __attribute__((used))
#define __unused __attribute__((unused))
#define __must_check __attribute__((warn_unused_result))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ volatile("" ::: "memory")
#define cpu_relax() __builtin_ia32_pause()

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))
#define min(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) a_ = (a);                                                            \
		__typeof__(b) b_ = (b);                                                            \
		a_ < b_ ? a_ : b_;                                                                 \
	})
#define max(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) a_ = (a);                                                            \
		__typeof__(b) b_ = (b);                                                            \
		a_ > b_ ? a_ : b_;                                                                 \
	})
#define min_t(t, a, b) min((t)(a), (t)(b))
#define max_t(t, a, b) max((t)(a), (t)(b))
#define clamp(v, lo, hi) min(max(v, lo), hi)
#define round_up(x, n) ((((x)-1) | ((__typeof__(x))(n)-1)) + 1) /* n: power of two */
#define round_down(x, n) ((x) & ~((__typeof__(x))(n)-1))
#define DIV_ROUND_UP(a, b) (((a) + (b)-1) / (b))
#define BIT(n) (1UL << (n))

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/* True if the result does not fit in *@r, which then holds its low bits. */
#define check_add_overflow(a, b, r) __builtin_add_overflow(a, b, r)
#define check_mul_overflow(a, b, r) __builtin_mul_overflow(a, b, r)

/* Pointers that carry a negative errno. */
#define MAX_ERRNO 4095
#define IS_ERR_VALUE(x) unlikely((u64)(x) >= (u64)-MAX_ERRNO)
static inline void *ERR_PTR(long err)
{
	return (void *)err;
}
static inline long PTR_ERR(const void *p)
{
	return (long)p;
}
static inline bool IS_ERR(const void *p)
{
	return IS_ERR_VALUE(p);
}
static inline bool IS_ERR_OR_NULL(const void *p)
{
	return !p || IS_ERR(p);
}
/* Passes on the errno that @p carries, as another type of pointer. */
#define ERR_CAST(p) ((void *)(p))

/*
 * Results that never reach the guest. EIOCBQUEUED: the operation completes later (struct io_async).
 * ERESTART*: the signal code decides whether the interrupted call restarts.
 */
#define EIOCBQUEUED 529
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

#endif
