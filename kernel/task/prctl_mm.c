/* SPDX-License-Identifier: MIT */
/*
 * prctl_mm.c: PR_SET_MM: sets the addresses of code, data, heap, arguments and so on that /proc
 * shows, for tools that restore programs, and setproctitle.
 *
 * All boundaries are checked together (bounds_fit()), whether one of them is set or all
 * (PR_SET_MM_MAP, which needs no capability). They must be addresses that a program may map, and in
 * order. The executable may be replaced when no page of the old one is mapped any more.
 *
 * Locks: mmap_lock, for writing.
 */
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/resource.h>

#include "kernel/task/internal.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

static void get_bounds(const struct mm *mm, struct prctl_mm_map *m)
{
	*m = (struct prctl_mm_map){
		.start_code = mm->start_code,
		.end_code = mm->end_code,
		.start_data = mm->start_data,
		.end_data = mm->end_data,
		.start_brk = mm->start_brk,
		.brk = mm->brk,
		.start_stack = mm->start_stack,
		.arg_start = mm->arg_start,
		.arg_end = mm->arg_end,
		.env_start = mm->env_start,
		.env_end = mm->env_end,
	};
}

static void set_bounds(struct mm *mm, const struct prctl_mm_map *m)
{
	mm->start_code = m->start_code;
	mm->end_code = m->end_code;
	mm->start_data = m->start_data;
	mm->end_data = m->end_data;
	mm->start_brk = m->start_brk;
	mm->brk = m->brk;
	mm->start_stack = m->start_stack;
	mm->arg_start = m->arg_start;
	mm->arg_end = m->arg_end;
	mm->env_start = m->env_start;
	mm->env_end = m->env_end;
}

/* True if the addresses are valid and in order, and the data not larger than RLIMIT_DATA. */
static bool bounds_fit(const struct mm *mm, const struct prctl_mm_map *m)
{
	const u64 all[] = { m->start_code, m->end_code, m->start_data, m->end_data, m->start_brk,
		m->brk, m->start_stack, m->arg_start, m->arg_end, m->env_start, m->env_end };
	u64 limit = task_rlimit(current, RLIMIT_DATA);

	for (u32 i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] < MMAP_MIN_ADDR || all[i] >= mm->task_size)
			return false;
	if (m->start_code >= m->end_code || m->start_data > m->end_data || m->start_brk > m->brk ||
		m->arg_start > m->arg_end || m->env_start > m->env_end)
		return false;
	return limit == ~0UL || m->brk - m->start_brk + m->end_data - m->start_data <= limit;
}

/*
 * Reads an auxiliary vector of @size bytes. The words after it, and always the last pair of @to,
 * become zero. Returns 0 or -errno.
 */
static long read_auxv(u64 *to, uaddr_t from, u64 size)
{
	memset(to, 0, sizeof(u64) * MM_AUXV);
	if (size > sizeof(u64) * MM_AUXV)
		return -EINVAL;
	if (copy_from_user(to, from, size))
		return -EFAULT;
	to[MM_AUXV - 2] = to[MM_AUXV - 1] = 0;
	return 0;
}

static void set_auxv(struct mm *mm, const u64 *auxv)
{
	u32 n = 0;

	memcpy(mm->auxv, auxv, sizeof(mm->auxv));
	while (auxv[n])
		n += 2;
	mm->nr_auxv = n + 2;
}

/*
 * Opens the file of the descriptor @fd as exec does: a new open file, since writers are denied
 * while it exists. Returns ERR_PTR on failure.
 */
static struct file *open_exe_fd(int fd)
{
	struct file *given = fget(fd), *f = ERR_PTR(-EACCES);
	int err;

	if (!given)
		return ERR_PTR(-EBADF);
	if (S_ISREG(given->f_inode->i_mode) && mm_file_ops->may_exec(given)) {
		err = path_permission(&given->f_path, MAY_EXEC);
		f = err ? ERR_PTR(err) : dentry_open(&given->f_path, O_RDONLY, FMODE_NONOTIFY);
	}
	fput(given);
	return f;
}

/* True if any part of the executable is still mapped. */
static bool exe_mapped_locked(struct mm *mm)
{
	const struct path *exe = &mm->exe_file->f_path;

	for (struct vm_area *v = find_vma(mm, 0); v; v = find_vma(mm, v->vm_end))
		if (v->vm_file && file_shown(v->vm_file)->dentry == exe->dentry &&
			file_shown(v->vm_file)->mnt == exe->mnt)
			return true;
	return false;
}

/*
 * Replaces mm->exe_file by the file of the descriptor @fd. Takes mmap_lock. Returns 0 or -errno,
 * -EBUSY if the old file is still mapped.
 */
static long set_exe(int fd)
{
	struct mm *mm = current->mm;
	struct file *f = open_exe_fd(fd), *unused = f;
	long err = 0;

	if (IS_ERR(f))
		return PTR_ERR(f);
	down_write(&mm->mmap_lock);
	if (mm->exe_file && exe_mapped_locked(mm)) {
		err = -EBUSY;
	} else if (deny_write_access(f)) {
		err = -EACCES;
	} else {
		f->f_mode |= FMODE_DENY_WRITE;
		unused = mm->exe_file;
		mm->exe_file = f;
	}
	up_write(&mm->mmap_lock);
	if (unused)
		fput(unused);
	return err;
}

static bool may_restore(void)
{
	return ns_capable(current_user_ns(), CAP_SYS_ADMIN) ||
	       ns_capable(current_user_ns(), CAP_CHECKPOINT_RESTORE);
}

/*
 * Sets all boundaries, and the vector and executable if given. Takes mmap_lock. Returns 0 or
 * -errno.
 */
static long set_map(uaddr_t from, u64 size)
{
	struct mm *mm = current->mm;
	u64 auxv[MM_AUXV];
	struct prctl_mm_map m;
	long err = 0;

	if (size != sizeof(m))
		return -EINVAL;
	if (copy_from_user(&m, from, sizeof(m)))
		return -EFAULT;
	if (!bounds_fit(mm, &m) || (m.auxv_size && !m.auxv))
		return -EINVAL;
	if (m.auxv_size)
		err = read_auxv(auxv, UADDR((u64)m.auxv), m.auxv_size);
	if (err)
		return err;
	if (m.exe_fd != ~0U)
		err = may_restore() ? set_exe((int)m.exe_fd) : -EPERM;
	if (err)
		return err;
	down_write(&mm->mmap_lock);
	set_bounds(mm, &m);
	if (m.auxv_size)
		set_auxv(mm, auxv);
	up_write(&mm->mmap_lock);
	return 0;
}

/* Serves PR_SET_MM_AUXV. @size: bytes. Takes mmap_lock. Returns 0 or -errno. */
static long set_whole_auxv(uaddr_t from, u64 size)
{
	struct mm *mm = current->mm;
	u64 auxv[MM_AUXV];
	long err = read_auxv(auxv, from, size);

	if (err)
		return err;
	down_write(&mm->mmap_lock);
	set_auxv(mm, auxv);
	up_write(&mm->mmap_lock);
	return 0;
}

/* Returns the field of @m that @which names, or NULL. */
static __u64 *field_of(struct prctl_mm_map *m, u64 which)
{
	switch (which) {
	case PR_SET_MM_START_CODE: return &m->start_code;
	case PR_SET_MM_END_CODE: return &m->end_code;
	case PR_SET_MM_START_DATA: return &m->start_data;
	case PR_SET_MM_END_DATA: return &m->end_data;
	case PR_SET_MM_START_BRK: return &m->start_brk;
	case PR_SET_MM_BRK: return &m->brk;
	case PR_SET_MM_START_STACK: return &m->start_stack;
	case PR_SET_MM_ARG_START: return &m->arg_start;
	case PR_SET_MM_ARG_END: return &m->arg_end;
	case PR_SET_MM_ENV_START: return &m->env_start;
	case PR_SET_MM_ENV_END: return &m->env_end;
	}
	return NULL;
}

/* True if memory must be mapped at or above the address that @which sets, as on Linux. */
static bool needs_area(u64 which)
{
	return which == PR_SET_MM_START_STACK ||
	       (which >= PR_SET_MM_ARG_START && which <= PR_SET_MM_ENV_END);
}

/*
 * Sets one address. @which: PR_SET_MM_* of an address. Takes mmap_lock. Returns 0, -EINVAL, or
 * -EFAULT if memory must be mapped at or above @addr but is not.
 */
static long set_field(u64 which, u64 addr)
{
	struct mm *mm = current->mm;
	struct prctl_mm_map m;
	__u64 *field;
	long err = 0;

	if (addr < MMAP_MIN_ADDR || addr >= mm->task_size)
		return -EINVAL;
	down_write(&mm->mmap_lock);
	get_bounds(mm, &m);
	field = field_of(&m, which);
	if (field)
		*field = addr;
	if (!field || !bounds_fit(mm, &m))
		err = -EINVAL;
	else if (needs_area(which) && !find_vma(mm, addr))
		err = -EFAULT;
	else
		set_bounds(mm, &m);
	up_write(&mm->mmap_lock);
	return err;
}

long prctl_set_mm(u64 which, u64 addr, u64 a4, u64 a5)
{
	if (a5 || (a4 && which != PR_SET_MM_AUXV && which != PR_SET_MM_MAP &&
			  which != PR_SET_MM_MAP_SIZE))
		return -EINVAL;
	if (which == PR_SET_MM_MAP_SIZE)
		return put_user((u32)sizeof(struct prctl_mm_map), UADDR(addr)) ? -EFAULT : 0;
	if (which == PR_SET_MM_MAP)
		return set_map(UADDR(addr), a4);
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (which == PR_SET_MM_EXE_FILE)
		return set_exe((int)addr);
	if (which == PR_SET_MM_AUXV)
		return set_whole_auxv(UADDR(addr), a4);
	return set_field(which, addr);
}
