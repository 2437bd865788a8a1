/* SPDX-License-Identifier: MIT */
/*
 * harness.c: the kernel with the real mm, sched, task, arch and skas, and nothing above: process 1
 * is tests/mm/guest.c as a flat image at 0x400000. There are no files; write(2) prints.
 */
#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"
#include "kernel/vfs/process_ops.h"

/* of rooms that are not linked: kernel/task sets them */
const struct process_ops *process_ops;
const struct cgroup_task_ops *cgroup_task_ops;

extern const char guest_start[], guest_end[];
extern const struct initcall __start_initcalls[], __stop_initcalls[];

long sys_write(int fd, uaddr_t buf, size_t count);
long sys_write(int fd, uaddr_t buf, size_t count)
{
	char text[512];

	if (fd == 99)
		arch_power_off(0);
	count = min_t(size_t, count, sizeof(text));
	if (copy_from_user(text, buf, count))
		return -14;
	arch_early_write(text, count);
	return (long)count;
}

long sys_getrandom(uaddr_t buf, size_t n, unsigned flags);
long sys_getrandom(uaddr_t buf, size_t n, unsigned flags)
{
	char b[64] = { 0 };

	return copy_to_user(buf, b, min_t(size_t, n, sizeof(b))) ? -14 : (long)n;
}

/* fakes for vfs and others */
struct files_struct;
struct fs_struct;
struct files_struct *files_dup(struct files_struct *f);
struct files_struct *files_dup(struct files_struct *f)
{
	return kzalloc(1024, 0);
}
struct fs_struct *fs_dup(struct fs_struct *f);
bool fs_share(struct fs_struct *f);
bool fs_share(struct fs_struct *f)
{
	return true;
}
struct fs_struct *fs_dup(struct fs_struct *f)
{
	return kzalloc(1024, 0);
}
struct files_struct *files_alloc(void);
struct files_struct *files_alloc(void)
{
	return kzalloc(1024, 0);
}
/* build.bash makes the fakes that do nothing. */

static int init_main(void *arg)
{
	struct mm *mm = mm_alloc();
	u64 size = (u64)(guest_end - guest_start), top = mm->task_size - PAGE_SIZE;
	u64 at;

	BUG_ON(!mm);
	at = do_mmap(mm, NULL, 0x400000, PAGE_ALIGN(size) + PAGE_SIZE, 7, 0x32, 0);
	BUG_ON(at != 0x400000);
	mm->start_brk = mm->brk = 0x8000000;
	BUG_ON(mm_setup_stack(mm, top, 0));
	BUG_ON(access_mm(mm, at, (void *)guest_start, size, true, true) != (ssize_t)size);
	current->mm = mm;
	current->flags &= ~PF_KTHREAD;
	arch_exec_regs(0x400000, top - 72);
	return 0;
}

/* True if the initcall @name needs no files or drivers. */
static bool wanted(const char *name)
{
	static const char *const names[] = { "vma_init", "mm_cache_init", "kswapd_start",
		"giveback_init", "flusher_start", "work_init", "futex_init", "mm_hooks_init",
		"oom_init", "cpu_timers_init", "threads_max_init", "pid_ns_init", "user_ns_init",
		"uts_init", "time_ns_init", "reserves_init" };

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

void kernel_main(void)
{
	for (int level = 1; level <= 5; level++)
		for (const struct initcall *c = __start_initcalls; c < __stop_initcalls; c++)
			if (c->level == level && wanted(c->name) && c->fn())
				panic("%s failed", c->name);
	current->fs = fs_dup(NULL); /* process 1 shares it with kernel threads */
	BUG_ON(!kernel_spawn_init(init_main));
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
}
