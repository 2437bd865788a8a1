/* SPDX-License-Identifier: MIT */
/* memfd.c: memfd_create(2): a file without a name in shared memory, with seals (fcntl.c). */
#include <linux/memfd.h>

#include "gen/syscalls.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/hugetlb/hugetlb.h"
#include "kernel/vfs/internal.h"

#define NAME_PREFIX "memfd:"
#define NAME_ROOM (NAME_MAX - 6)
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 16U
#endif

/*
 * Highest value of the sysctl vm.memfd_noexec. 1: MFD_NOEXEC_SEAL is the default; 2: it is
 * required. Each pid namespace has its own value, which is at least that of its ancestors.
 */
#define NOEXEC_MAX 2

static int noexec_of(const struct pid_namespace *ns)
{
	int v = 0;

	for (; ns; ns = ns->parent)
		v = max(v, READ_ONCE(ns->memfd_noexec));
	return v;
}

static int show_noexec(char *buf, size_t size)
{
	return scnprintf(buf, size, "%d\n", noexec_of(current_pid_ns()));
}

static int store_noexec(char *text)
{
	struct pid_namespace *ns = current_pid_ns();
	s64 v;
	int err;

	if (!ns_capable(ns->ns.owner, CAP_SYS_ADMIN))
		return -EPERM;
	text[strcspn(text, " \t\n")] = 0;
	err = kstrtos64(text, 10, &v);
	if (err)
		return err;
	if (v < noexec_of(ns->parent) || v > NOEXEC_MAX)
		return -EINVAL;
	WRITE_ONCE(ns->memfd_noexec, (int)v);
	return 0;
}

static const struct sysctl memfd_sysctls[] = {
	{ .path = "vm/memfd_noexec",
		.kind = SYSCTL_SHOW,
		.mode = 0644,
		.show = show_noexec,
		.store = store_noexec },
};

static int memfd_init(void)
{
	return sysctl_register(memfd_sysctls, ARRAY_SIZE(memfd_sysctls));
}
INITCALL(3, memfd_init);

static struct file *empty_file(const char *name, u32 flags)
{
	if (flags & MFD_HUGETLB)
		return hugetlb_file_setup(name, 0, false);
	return shmem_file_setup(name, 0);
}

static struct file *memfd_file(const char *name, u32 flags)
{
	struct file *f = empty_file(name, flags);

	if (IS_ERR(f))
		return f;
	f->f_flags |= O_LARGEFILE;
	f->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	f->f_inode->i_seals = SEALS_ALLOWED | (flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL);
	if (flags & MFD_NOEXEC_SEAL) {
		f->f_inode->i_mode &= ~S_IXUGO;
		f->f_inode->i_seals &= ~F_SEAL_SEAL;
		f->f_inode->i_seals |= F_SEAL_EXEC;
	}
	return f;
}

long sys_memfd_create(uaddr_t uname, int flags)
{
	int known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC | MFD_NOEXEC_SEAL;
	char name[NAME_MAX + 1] = NAME_PREFIX;
	int noexec = noexec_of(current_pid_ns());
	struct file *f;
	ssize_t n;
	int fd;

	if (flags & MFD_HUGETLB)
		known |= MFD_HUGETLB | MFD_HUGE_MASK << MFD_HUGE_SHIFT;
	if (flags & ~known)
		return -EINVAL;
	if ((flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL))
		return -EINVAL;
	if (!(flags & (MFD_EXEC | MFD_NOEXEC_SEAL)))
		flags |= noexec ? MFD_NOEXEC_SEAL : MFD_EXEC;
	if (flags & MFD_EXEC && noexec == NOEXEC_MAX)
		return -EACCES;
	n = strncpy_from_user(name + 6, uname, NAME_ROOM + 1);
	if (n < 0)
		return n;
	if (n > NAME_ROOM)
		return -EINVAL;
	if (flags & MFD_HUGETLB &&
		!hugetlb_size_known((u32)flags >> MFD_HUGE_SHIFT & MFD_HUGE_MASK))
		return -ENODEV;
	fd = get_unused_fd(flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
	if (fd < 0)
		return fd;
	f = memfd_file(name, flags);
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		return PTR_ERR(f);
	}
	fd_install(fd, f);
	return fd;
}
