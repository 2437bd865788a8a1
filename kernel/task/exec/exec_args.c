/* SPDX-License-Identifier: MIT */
/*
 * exec_args.c: copies the strings of argv and envp from the old memory to the new stack.
 *
 * The strings are gathered in kernel pages, from the highest address down, in the order that they
 * have on the stack: the file's name on top, the environment, the arguments. For a script, its
 * argv[0] is removed and the interpreter's arguments are put in front. args_write() copies all
 * strings to the stack.
 *
 * Limits as Linux has them: a string at most 128 KiB; strings and pointers together a quarter of
 * the stack's limit, but at least 128 KiB and at most 6 MiB.
 */
#include "kernel/task/exec/exec.h"

#define ARG_MAX_MIN (128UL << 10)
#define ARG_MAX_MAX (6UL << 20)
#define POINTER_BATCH 32

int args_init(struct exec_args *a)
{
	memset(a, 0, sizeof(*a));
	a->pages = kcalloc(ARG_AREA_PAGES, sizeof(a->pages[0]), GFP_KERNEL);
	if (!a->pages)
		return -ENOMEM;
	a->p = ARG_AREA - sizeof(u64); /* Linux ends the stack with a zero word */
	return 0;
}

void args_free(struct exec_args *a)
{
	if (!a->pages)
		return;
	for (u32 i = 0; i < ARG_AREA_PAGES; i++)
		if (a->pages[i])
			free_page_addr(a->pages[i]);
	kfree(a->pages);
	a->pages = NULL;
}

int args_limits(struct exec_args *a)
{
	u64 limit = rlimit(RLIMIT_STACK) / 4;
	u64 pointers = ((u64)max(a->argc, 1) + (u64)a->envc) * sizeof(u64);

	limit = clamp(limit, ARG_MAX_MIN, ARG_MAX_MAX);
	if (limit <= pointers)
		return -E2BIG;
	a->min = a->p - (limit - pointers);
	return 0;
}

int args_count(uaddr_t vec)
{
	int n = 0;

	if (!vec.v)
		return 0;
	for (;; n++) {
		u64 ptr;

		if (get_user(ptr, uaddr_add(vec, (u64)n * sizeof(ptr))))
			return -EFAULT;
		if (!ptr)
			return n;
		if ((u64)n >= ARG_MAX_MAX / sizeof(ptr))
			return -E2BIG;
		if (fatal_signal_pending(current))
			return -ERESTARTNOHAND;
		cond_resched();
	}
}

static u8 *args_page(struct exec_args *a, u64 off)
{
	u8 **slot = &a->pages[off / PAGE_SIZE];

	if (!*slot)
		*slot = get_free_page(GFP_KERNEL);
	return *slot;
}

/* Copies a string of @n bytes to [p - n, p), page by page, and lowers p. Returns 0 or -errno. */
static int push(struct exec_args *a, u64 n, uaddr_t from, const char *kernel_from)
{
	u64 off = a->p - n, done = 0;

	if (n > a->p - a->min || a->p < a->min)
		return -E2BIG;
	while (done < n) {
		u64 in_page = (off + done) % PAGE_SIZE;
		u64 len = min(n - done, PAGE_SIZE - in_page);
		u8 *page = args_page(a, off + done);

		if (!page)
			return -ENOMEM;
		if (kernel_from)
			memcpy(page + in_page, kernel_from + done, len);
		else if (copy_from_user(page + in_page, uaddr_add(from, done), len))
			return -EFAULT;
		done += len;
		cond_resched();
	}
	/*
	 * Another thread may have changed the string since its length was measured, so a zero is
	 * written to its end.
	 */
	args_page(a, a->p - 1)[(a->p - 1) % PAGE_SIZE] = 0;
	a->p = off;
	return 0;
}

int args_push_kernel(struct exec_args *a, const char *s)
{
	return push(a, strlen(s) + 1, UNULL, s);
}

/*
 * Puts a string of the guest in front of the gathered strings. @ptr: user address of a terminated
 * string. Returns 0 or -errno: -E2BIG if the string is too long, -ERESTARTNOHAND if current is
 * being killed.
 */
static int push_user_string(struct exec_args *a, u64 ptr)
{
	size_t len = strnlen_user(UADDR(ptr), MAX_ARG_STRLEN);

	if (!len)
		return -EFAULT;
	if (len > MAX_ARG_STRLEN)
		return -E2BIG;
	if (fatal_signal_pending(current))
		return -ERESTARTNOHAND;
	return push(a, len, UADDR(ptr), NULL);
}

int args_push_user(struct exec_args *a, uaddr_t vec, int n)
{
	u64 ptrs[POINTER_BATCH];
	int err;

	while (n > 0) {
		int batch = min(n, POINTER_BATCH);

		n -= batch;
		if (copy_from_user(ptrs, uaddr_add(vec, (u64)n * sizeof(u64)),
			    (size_t)batch * sizeof(u64)))
			return -EFAULT;
		while (batch-- > 0) {
			err = push_user_string(a, ptrs[batch]);
			if (err)
				return err;
		}
	}
	return 0;
}

int args_remove_first(struct exec_args *a)
{
	if (!a->argc)
		return 0;
	while (a->p < ARG_AREA) {
		u8 *page = a->pages[a->p / PAGE_SIZE];
		u8 c = page ? page[a->p % PAGE_SIZE] : 0;

		a->p++;
		if (!c)
			break;
	}
	a->argc--;
	return 0;
}

int args_write(const struct exec_args *a, struct mm *mm, u64 top)
{
	static const u64 zero;
	u64 off = a->p;

	if (access_mm(mm, top - sizeof(zero), (void *)&zero, sizeof(zero), true, true) !=
		(ssize_t)sizeof(zero))
		return -EFAULT;
	while (off < ARG_AREA - sizeof(zero)) {
		u64 in_page = off % PAGE_SIZE;
		u64 len = min(PAGE_SIZE - in_page, ARG_AREA - sizeof(zero) - off);
		u8 *page = a->pages[off / PAGE_SIZE];

		if (access_mm(mm, top - (ARG_AREA - off), page + in_page, len, true, true) !=
			(ssize_t)len)
			return -EFAULT;
		off += len;
		cond_resched();
	}
	return 0;
}
