/* SPDX-License-Identifier: MIT */
/*
 * open.c: files of the host that the guest has open. A struct hostfs_file counts the references of
 * tasks and requests. It names the file by a number of hostfs_host.h, the interface to the half of
 * hostfs that makes the host's calls. A restored instance reopens all files in the list
 * hostfs_files (restore.c).
 *
 * Locks: files_lock for the list.
 */
#include "drivers/hostfs/hostfs.h"

LIST_HEAD(hostfs_files);
static DEFINE_SPINLOCK(files_lock);

static struct hostfs_file *file_new(u32 how)
{
	struct hostfs_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return ERR_PTR(-ENOMEM);
	atomic_set(&f->refs, 1);
	f->how = how;
	return f;
}

/*
 * Completes the opening of a file. Between the host's result and this call the task does not sleep,
 * so no save can come in between, after which a restore would miss the file. Returns the file, or
 * ERR_PTR(@err) after freeing it.
 */
static struct hostfs_file *file_made(struct hostfs_file *f, int err)
{
	if (err) {
		kfree(f);
		return ERR_PTR(err);
	}
	spin_lock(&files_lock);
	list_add(&f->list, &hostfs_files);
	spin_unlock(&files_lock);
	return f;
}

struct hostfs_file *hostfs_open_data(int node, u32 how)
{
	struct hostfs_file *f = file_new(how);

	return IS_ERR(f) ? f : file_made(f, hostfs_host_open(node, how, &f->host));
}

struct hostfs_file *hostfs_open_dir(int node)
{
	struct hostfs_file *f = file_new(0);

	return IS_ERR(f) ? f : file_made(f, hostfs_host_opendir(node, &f->host));
}

struct hostfs_file *hostfs_create_file(
	int dir, const char *name, const struct hostfs_new *new, struct hostfs_attr *a)
{
	struct hostfs_file *f = file_new(HOSTFS_READ | HOSTFS_WRITE);

	return IS_ERR(f) ? f : file_made(f, hostfs_host_create(dir, name, new, &f->host, a));
}

struct hostfs_file *hostfs_create_tmpfile(
	int dir, const struct hostfs_new *new, int *node, struct hostfs_attr *a)
{
	struct hostfs_file *f = file_new(HOSTFS_READ | HOSTFS_WRITE);

	return IS_ERR(f) ? f : file_made(f, hostfs_host_tmpfile(dir, new, node, &f->host, a));
}

void hostfs_file_get(struct hostfs_file *f)
{
	atomic_inc(&f->refs);
}

void hostfs_file_put(struct hostfs_file *f)
{
	if (!atomic_dec_and_test(&f->refs))
		return;
	spin_lock(&files_lock);
	list_del(&f->list);
	spin_unlock(&files_lock);
	hostfs_host_close(f->host);
	kfree(f);
}
