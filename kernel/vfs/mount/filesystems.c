/* SPDX-License-Identifier: MIT */
/*
 * filesystems.c: the registered types of file systems, and sysfs(2), which numbers them. Types are
 * never unregistered, so a pointer to one stays valid.
 */
#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"

static DEFINE_SPINLOCK(types_lock);
static LIST_HEAD(types); /* under types_lock */

static struct file_system_type *find_locked(const char *name)
{
	struct file_system_type *t;

	list_for_each_entry(t, &types, list)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

int register_filesystem(struct file_system_type *t)
{
	int err = 0;

	spin_lock(&types_lock);
	if (find_locked(t->name))
		err = -EBUSY;
	else
		list_add_tail(&t->list, &types);
	spin_unlock(&types_lock);
	return err;
}

/*
 * Returns the type with that name, or NULL. "fuse.sshfs" has the type fuse: the text after the dot
 * is a subtype, which is only shown. A type without FS_HAS_SUBTYPE is not found by such a name.
 */
struct file_system_type *get_fs_type(const char *name)
{
	const char *dot = strchr(name, '.');
	struct file_system_type *t;
	char base[16];

	if (dot && dot[1] && (size_t)(dot - name) < sizeof(base)) {
		memcpy(base, name, (size_t)(dot - name));
		base[dot - name] = 0;
	} else {
		dot = NULL;
	}
	spin_lock(&types_lock);
	t = find_locked(dot ? base : name);
	if (t && dot && !(t->fs_flags & FS_HAS_SUBTYPE))
		t = NULL;
	spin_unlock(&types_lock);
	return t;
}

struct file_system_type *filesystem_nth(int i)
{
	struct file_system_type *t, *found = NULL;

	spin_lock(&types_lock);
	list_for_each_entry(t, &types, list)
		if (i-- == 0) {
			found = t;
			break;
		}
	spin_unlock(&types_lock);
	return found;
}

int filesystems_line(int i, char *buf, size_t size)
{
	struct file_system_type *t = filesystem_nth(i);

	if (!t)
		return 0;
	return scnprintf(
		buf, size, "%s\t%s\n", t->fs_flags & FS_REQUIRES_DEV ? "" : "nodev", t->name);
}

static long type_index(uaddr_t uname)
{
	char *name = getname(uname);
	struct file_system_type *t;
	long i = 0;

	if (IS_ERR(name))
		return PTR_ERR(name);
	while ((t = filesystem_nth((int)i)) && strcmp(t->name, name) != 0)
		i++;
	putname(name);
	return t ? i : -EINVAL;
}

static long type_name(u64 i, uaddr_t buf)
{
	struct file_system_type *t = i > 1000 ? NULL : filesystem_nth((int)i);

	if (!t)
		return -EINVAL;
	return copy_to_user(buf, t->name, strlen(t->name) + 1) ? -EFAULT : 0;
}

long sys_sysfs(int option, u64 arg1, u64 arg2)
{
	int n = 0;

	switch (option) {
	case 1: return type_index(UADDR(arg1));
	case 2: return type_name(arg1, UADDR(arg2));
	case 3:
		while (filesystem_nth(n))
			n++;
		return n;
	default: return -EINVAL;
	}
}
