/* SPDX-License-Identifier: MIT */
/*
 * secretmem.c: memfd_secret(2): memory that is readable only through its mappings.
 *
 * It is a nameless file, which can be used only through a shared mapping. It cannot be read,
 * written or spliced, and ptrace, /proc/PID/mem, process_vm_readv(), core dumps and O_DIRECT do not
 * reach its pages, not even for root (a_ops->secret: gup.c). Its VMAs are always locked, and its
 * pages are wiped before they are freed. The size can be set only while it is 0.
 *
 * The memory is not protected against this kernel, which maps all memory to copy from and to
 * programs, nor against the host, nor in a snapshot of the machine.
 */
#include "kernel/fs/tmpfs/tmpfs.h"

#include "gen/syscalls.h"

#define WIPE_BATCH 16

static struct mount *secret_mount; /* immutable after init */

/*
 * Refuses to open the file again through /proc/PID/fd: the open file of memfd_secret() stays the
 * only one.
 */
static int secret_open(struct inode *inode, struct file *f)
{
	return -ENXIO;
}

static int secret_mmap(struct file *f, struct vm_area *v)
{
	int err = v->vm_flags & VM_EXEC   ? -EPERM :
		  v->vm_flags & VM_SHARED ? mm_lock_area(v) :
					    -EINVAL;

	if (!err) {
		v->vm_flags |= VM_DONTDUMP;
		v->vm_flags &= ~VM_MAYEXEC; /* mprotect() cannot make it executable */
	}
	return err;
}

static int secret_setattr(struct dentry *d, struct iattr *a)
{
	struct inode *inode = d->d_inode;
	int err = a->ia_valid & ATTR_SIZE && inode->i_size ? -EINVAL : setattr_prepare(d, a);

	if (err)
		return err;
	if (a->ia_valid & ATTR_SIZE)
		i_size_write(inode, a->ia_size);
	setattr_copy(inode, a);
	return 0;
}

/*
 * Wipes the pages of an inode that is being evicted. No page can be added, since no mapping and no
 * open file is left.
 */
static void secret_evict(struct inode *inode)
{
	struct page *pages[WIPE_BATCH];
	u64 index = 0;
	u32 n;

	while ((n = find_get_pages(&inode->i_data, index, ~0UL, WIPE_BATCH, pages))) {
		index = pages[n - 1]->index + 1;
		for (u32 i = 0; i < n; i++) {
			memset(page_address(pages[i]), 0, PAGE_SIZE);
			put_page(pages[i]);
		}
		cond_resched();
	}
}

static const struct address_space_operations secret_aops = {
	.readpage = tmpfs_readpage,
	.page_mkwrite = tmpfs_page_mkwrite,
	.memory_only = true,
	.secret = true,
};
static const struct file_operations secret_fops = { .open = secret_open, .mmap = secret_mmap };
static const struct inode_operations secret_iops = { .setattr = secret_setattr };
static const struct tmpfs_kind secret_files = {
	.iops = &secret_iops,
	.fops = &secret_fops,
	.aops = &secret_aops,
	.evict = secret_evict,
	.bare = true,
};

static int secret_fill_super(struct super_block *sb, void *data, bool silent)
{
	return tmpfs_fill_internal(sb, &secret_files, SECRETMEM_MAGIC);
}

static struct dentry *secret_mount_op(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, secret_fill_super);
}

static struct file_system_type secret_type = {
	.name = "secretmem", .mount = secret_mount_op, .kill_sb = kill_anon_super
};

long sys_memfd_secret(int flags)
{
	struct file *f;
	int fd;

	if (flags & ~O_CLOEXEC)
		return -EINVAL;
	fd = get_unused_fd(flags);
	if (fd < 0)
		return fd;
	f = tmpfs_nameless_file(secret_mount, "secretmem", 0);
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		return PTR_ERR(f);
	}
	f->f_inode->i_mode = S_IFREG | 0600;
	set_nlink(f->f_inode, 1);
	f->f_flags |= O_LARGEFILE;
	fd_install(fd, f);
	return fd;
}

static int secretmem_init(void)
{
	secret_mount = kern_mount(&secret_type);
	return IS_ERR(secret_mount) ? (int)PTR_ERR(secret_mount) : 0;
}
INITCALL(3, secretmem_init);
