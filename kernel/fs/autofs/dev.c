/* SPDX-License-Identifier: MIT */
/*
 * dev.c: the daemon's commands: ioctls of /dev/autofs, which name a mount by a descriptor of its
 * root, and the older ioctls of the root itself. An autofs mount that another mount covers can be
 * opened only through /dev/autofs (OPENMOUNT).
 */
#include <linux/fs.h>
#include <linux/major.h>

#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/fs/autofs/autofs.h"
#include "kernel/fs/devtmpfs/devtmpfs.h"
#include "kernel/time/time.h"

#define AUTOFS_MINOR_NR 235
#define SUBVERSION 5                                /* minor version of protocol 5 */
#define MAX_SIZE (AUTOFS_DEV_IOCTL_SIZE + PATH_MAX) /* bytes */

/* Returns the number in the form that stat(2) shows. */
static u32 dev_number(dev_t d)
{
	return (MINOR(d) & 0xff) | MAJOR(d) << 8 | (MINOR(d) & ~0xffU) << 12;
}

/* ---- finding mounts ---- */

/* A mount by its device number, or by a mask of types (0: any). */
struct wanted {
	bool by_dev;
	u32 dev, type;
};

static bool is_wanted(const struct path *p, const struct wanted *w)
{
	if (w->by_dev)
		return dev_number(p->dentry->d_sb->s_dev) == w->dev;
	return !w->type || w->type & AUTOFS_SB(p->dentry->d_sb)->type;
}

/*
 * Finds the topmost autofs mount at path @name that matches @w. *p: its root, referenced. Returns
 * 0, -ENOENT or another -errno.
 */
static int find_mount(const char *name, const struct wanted *w, struct path *p)
{
	int err = kern_path(name, 0, p);

	if (err)
		return err;
	while (p->dentry == p->mnt->mnt_root) {
		if (p->dentry->d_op == &autofs_dops && is_wanted(p, w))
			return 0;
		if (!follow_up(p))
			break;
	}
	path_put(p);
	return -ENOENT;
}

/* ---- commands: do_...() returns 0 (or 1), or -errno; the answer is in c->a ---- */

struct command {
	struct autofs_dev_ioctl *a;
	/*
	 * file of a->ioctlfd, which is the root of an autofs mount, or NULL if the command needs
	 * none
	 */
	struct file *file;
	struct autofs_sb *s;
};

static long do_version(struct command *c)
{
	/* check_version() has already filled in the answer. */
	return 0;
}

static long do_protover(struct command *c)
{
	c->a->protover.version = (u32)c->s->version;
	return 0;
}

static long do_protosubver(struct command *c)
{
	c->a->protosubver.sub_version = SUBVERSION;
	return 0;
}

static long do_openmount(struct command *c)
{
	struct wanted w = { .by_dev = true, .dev = c->a->openmount.devid };
	struct file *f;
	struct path p;
	int err, fd;

	if (!w.dev)
		return -EINVAL;
	c->a->ioctlfd = -1;
	err = find_mount(c->a->path, &w, &p);
	if (err)
		return err;
	fd = get_unused_fd(O_CLOEXEC);
	f = fd < 0 ? ERR_PTR(fd) : dentry_open(&p, O_RDONLY, 0);
	path_put(&p);
	if (IS_ERR(f)) {
		if (fd >= 0)
			put_unused_fd(fd);
		return PTR_ERR(f);
	}
	fd_install(fd, f);
	c->a->ioctlfd = fd;
	return 0;
}

static long do_closemount(struct command *c)
{
	return sys_close((u32)c->a->ioctlfd);
}

static long do_ready(struct command *c)
{
	return autofs_answer(c->s, c->a->ready.token, 0);
}

static long do_fail(struct command *c)
{
	int status =
		c->a->fail.status < 0 && c->a->fail.status >= -4095 ? c->a->fail.status : -ENOENT;

	return autofs_answer(c->s, c->a->fail.token, status);
}

static long do_setpipefd(struct command *c)
{
	struct autofs_sb *s = c->s;
	struct file *pipe = c->a->setpipefd.pipefd < 0 ? NULL : fget(c->a->setpipefd.pipefd);
	struct pid *pgrp = get_task_pid(current, PIDTYPE_PGID), *old = NULL;
	int err = 0;

	if (!pipe || !pgrp)
		err = -EBADF;
	mutex_lock(&s->lock);
	if (!err && !s->catatonic)
		err = -EBUSY;
	else if (!err && pid_ns_of(pgrp) != pid_ns_of(s->oz_pgrp))
		err = -EINVAL;
	else if (!err && autofs_use_pipe(pipe))
		err = -EPIPE;
	if (!err) {
		old = s->oz_pgrp;
		s->oz_pgrp = pgrp;
		s->pipe = pipe;
		s->catatonic = false;
		WRITE_ONCE(s->pgrp, pid_vnr(pgrp));
		WRITE_ONCE(s->pipe_fd, c->a->setpipefd.pipefd);
		WRITE_ONCE(s->pipe_ino, pipe->f_inode->i_ino);
		pipe = NULL;
		pgrp = NULL;
	}
	mutex_unlock(&s->lock);
	if (pipe)
		fput(pipe);
	if (pgrp)
		put_pid(pgrp);
	if (old)
		put_pid(old);
	return err;
}

static long do_catatonic(struct command *c)
{
	autofs_catatonic(c->s);
	return 0;
}

/* Sets the timeout and returns the old one. Both in seconds. */
static u64 set_timeout(struct autofs_sb *s, u64 seconds)
{
	u64 old;

	mutex_lock(&s->lock);
	old = s->timeout / NSEC_PER_SEC;
	s->timeout = min(seconds, (u64)TIME_MAX / NSEC_PER_SEC) * NSEC_PER_SEC;
	mutex_unlock(&s->lock);
	return old;
}

static long do_timeout(struct command *c)
{
	c->a->timeout.timeout = set_timeout(c->s, c->a->timeout.timeout);
	return 0;
}

static long do_requester(struct command *c)
{
	struct wanted w = { .by_dev = true, .dev = dev_number(c->s->sb->s_dev) };
	const struct autofs_info *i;
	struct path p;
	int err;

	c->a->requester.uid = c->a->requester.gid = ~0U;
	err = find_mount(c->a->path, &w, &p);
	if (err)
		return err;
	i = autofs_info(p.dentry);
	mutex_lock(&c->s->lock);
	if (i) {
		c->a->requester.uid = from_kuid_munged(current_user_ns(), i->uid);
		c->a->requester.gid = from_kgid_munged(current_user_ns(), i->gid);
	}
	mutex_unlock(&c->s->lock);
	path_put(&p);
	return 0;
}

static long do_expire(struct command *c)
{
	return autofs_expire(c->s, c->file->f_path.mnt, c->a->expire.how);
}

static long do_askumount(struct command *c)
{
	c->a->askumount.may_umount = mnt_may_umount(c->file->f_path.mnt, 1);
	return 0;
}

/*
 * Looks up the path in @a. Fills in the device number and, if the path is the root of a mount, the
 * magic number. Returns 1 for such a root, else 0 or -errno.
 */
static long is_mountpoint_at(struct autofs_dev_ioctl *a)
{
	struct wanted w = { .type = a->ismountpoint.in.type };
	struct path p;
	long ret;
	int err = w.type ? find_mount(a->path, &w, &p) : kern_path(a->path, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	ret = p.dentry == p.mnt->mnt_root;
	a->ismountpoint.out.devid = dev_number(p.dentry->d_sb->s_dev);
	a->ismountpoint.out.magic = ret ? (u32)p.dentry->d_sb->s_magic : 0;
	path_put(&p);
	return ret;
}

/*
 * Returns 1 if a file system is mounted on the autofs mount of the caller's descriptor, or below
 * it, else 0 or -errno.
 */
static long do_ismountpoint(struct command *c)
{
	struct wanted w = { .by_dev = true };
	struct path p, on;
	long ret;

	if (!c->s)
		return is_mountpoint_at(c->a);
	w.dev = dev_number(c->s->sb->s_dev);
	ret = find_mount(c->a->path, &w, &p);
	if (ret)
		return ret;
	ret = path_has_submounts(&p);
	c->a->ismountpoint.out.devid = w.dev;
	c->a->ismountpoint.out.magic = 0;
	if (path_mounted_on(&p, &on)) {
		c->a->ismountpoint.out.magic = (u32)on.dentry->d_sb->s_magic;
		path_put(&on);
	}
	path_put(&p);
	return ret;
}

#define NEEDS_PATH 1
#define NO_MOUNT 2       /* ioctlfd is ignored */
#define MAY_LACK_MOUNT 4 /* ioctlfd may be -1 */
#define FOR_ALL 8        /* needs no capability */

static const struct {
	long (*run)(struct command *c);
	u32 flags;
} commands[] = {
#define C(name) [AUTOFS_DEV_IOCTL_##name##_CMD - AUTOFS_DEV_IOCTL_VERSION_CMD]
	C(VERSION) = { do_version, NO_MOUNT | FOR_ALL },
	C(PROTOVER) = { do_protover, 0 },
	C(PROTOSUBVER) = { do_protosubver, 0 },
	C(OPENMOUNT) = { do_openmount, NEEDS_PATH | NO_MOUNT },
	C(CLOSEMOUNT) = { do_closemount, NO_MOUNT },
	C(READY) = { do_ready, 0 },
	C(FAIL) = { do_fail, 0 },
	C(SETPIPEFD) = { do_setpipefd, 0 },
	C(CATATONIC) = { do_catatonic, 0 },
	C(TIMEOUT) = { do_timeout, 0 },
	C(REQUESTER) = { do_requester, NEEDS_PATH },
	C(EXPIRE) = { do_expire, 0 },
	C(ASKUMOUNT) = { do_askumount, 0 },
	C(ISMOUNTPOINT) = { do_ismountpoint, NEEDS_PATH | MAY_LACK_MOUNT | FOR_ALL },
#undef C
};

/* ---- /dev/autofs ---- */

/* Checks the caller's version, and sets this kernel's. Returns 0 or -EINVAL. */
static int check_version(struct autofs_dev_ioctl *a)
{
	if (a->ver_major != AUTOFS_DEV_IOCTL_VERSION_MAJOR ||
		a->ver_minor > AUTOFS_DEV_IOCTL_VERSION_MINOR)
		return -EINVAL;
	a->ver_minor = AUTOFS_DEV_IOCTL_VERSION_MINOR;
	return 0;
}

/* Copies the caller's arguments, with a NUL behind the path. Returns ERR_PTR on failure. */
static struct autofs_dev_ioctl *get_args(uaddr_t ua)
{
	struct autofs_dev_ioctl head, *a;

	if (copy_from_user(&head, ua, AUTOFS_DEV_IOCTL_SIZE))
		return ERR_PTR(-EFAULT);
	if (head.size < AUTOFS_DEV_IOCTL_SIZE)
		return ERR_PTR(-EINVAL);
	if (head.size > MAX_SIZE)
		return ERR_PTR(-ENAMETOOLONG);
	a = kzalloc(head.size + 1, GFP_KERNEL);
	if (!a)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(a, ua, head.size)) {
		kfree(a);
		return ERR_PTR(-EFAULT);
	}
	a->size = head.size;
	return a;
}

/* Checks that the path is there if it is needed, and is terminated. Returns 0 or -EINVAL. */
static int check_path(const struct autofs_dev_ioctl *a, u32 flags)
{
	size_t n = a->size - AUTOFS_DEV_IOCTL_SIZE;

	if (!n)
		return flags & NEEDS_PATH ? -EINVAL : 0;
	if (!memchr(a->path, 0, n) || !strchr(a->path, '/'))
		return -EINVAL;
	return 0;
}

/* Sets c->file, referenced, and c->s. Returns 0 or -errno; the caller drops c->file in any case. */
static int find_file(struct command *c, u32 flags)
{
	if (flags & NO_MOUNT || (flags & MAY_LACK_MOUNT && c->a->ioctlfd == -1))
		return 0;
	c->file = fget(c->a->ioctlfd);
	if (!c->file)
		return -EBADF;
	if (c->file->f_op != &autofs_root_fops)
		return -EINVAL;
	c->s = AUTOFS_SB(c->file->f_inode->i_sb);
	/*
	 * Only the daemon's processes may use these commands, or any process if the mount is
	 * catatonic.
	 */
	if (!(flags & MAY_LACK_MOUNT) && !autofs_oz(c->s))
		return -EACCES;
	return 0;
}

/* Runs command @nr, and copies the answer to @ua. Returns its result or -errno. */
static long run(struct autofs_dev_ioctl *a, u32 nr, uaddr_t ua)
{
	struct command c = { .a = a };
	u32 flags = commands[nr].flags;
	long ret = check_version(a);

	if (!ret)
		ret = check_path(a, flags);
	if (!ret)
		ret = find_file(&c, flags);
	/* Any process with CAP_SYS_ADMIN may make the mount catatonic. */
	if (ret == -EACCES && commands[nr].run == do_catatonic)
		ret = 0;
	if (!ret)
		ret = commands[nr].run(&c);
	if (ret >= 0 && copy_to_user(ua, a, AUTOFS_DEV_IOCTL_SIZE))
		ret = -EFAULT;
	if (c.file)
		fput(c.file);
	return ret;
}

static long dev_ioctl(struct file *f, u32 cmd, u64 arg)
{
	u32 nr = _IOC_NR(cmd) - AUTOFS_DEV_IOCTL_VERSION_CMD;
	struct autofs_dev_ioctl *a;
	long ret;

	if (_IOC_TYPE(cmd) != AUTOFS_IOCTL || nr >= sizeof(commands) / sizeof(*commands))
		return -ENOTTY;
	if (!(commands[nr].flags & FOR_ALL) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	a = get_args(UADDR(arg));
	if (IS_ERR(a))
		return PTR_ERR(a);
	ret = run(a, nr, UADDR(arg));
	kfree(a);
	return ret;
}

/* ---- ioctls of the mount ---- */

static long old_timeout(struct autofs_sb *s, uaddr_t ua)
{
	u64 seconds;

	if (copy_from_user(&seconds, ua, sizeof(seconds)))
		return -EFAULT;
	seconds = set_timeout(s, seconds);
	return copy_to_user(ua, &seconds, sizeof(seconds)) ? -EFAULT : 0;
}

static long old_expire(struct autofs_sb *s, struct mount *m, uaddr_t ua)
{
	u32 how = 0;

	if (ua.v && copy_from_user(&how, ua, sizeof(how)))
		return -EFAULT;
	return autofs_expire(s, m, how);
}

static long old_expire_name(struct autofs_sb *s, struct mount *m, uaddr_t ua)
{
	struct autofs_packet_expire p = { .hdr = { s->version, autofs_ptype_expire } };
	int err = autofs_expire_name(s, m, &p);

	if (err)
		return err;
	return copy_to_user(ua, &p, sizeof(p)) ? -EFAULT : 0;
}

static long put_int(uaddr_t ua, u32 n)
{
	return put_user(n, ua) ? -EFAULT : 0;
}

long autofs_mount_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct autofs_sb *s = AUTOFS_SB(f->f_inode->i_sb);

	if (_IOC_TYPE(cmd) != AUTOFS_IOCTL)
		return -ENOTTY;
	if (!autofs_oz(s) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (cmd) {
	case AUTOFS_IOC_READY: return autofs_answer(s, (u32)arg, 0);
	case AUTOFS_IOC_FAIL: return autofs_answer(s, (u32)arg, -ENOENT);
	case AUTOFS_IOC_CATATONIC: autofs_catatonic(s); return 0;
	case AUTOFS_IOC_PROTOVER: return put_int(UADDR(arg), (u32)s->version);
	case AUTOFS_IOC_PROTOSUBVER: return put_int(UADDR(arg), SUBVERSION);
	case AUTOFS_IOC_SETTIMEOUT: return old_timeout(s, UADDR(arg));
	case AUTOFS_IOC_ASKUMOUNT: return put_int(UADDR(arg), mnt_may_umount(f->f_path.mnt, 1));
	case AUTOFS_IOC_EXPIRE: return old_expire_name(s, f->f_path.mnt, UADDR(arg));
	case AUTOFS_IOC_EXPIRE_MULTI: return old_expire(s, f->f_path.mnt, UADDR(arg));
	default: return -EINVAL;
	}
}

static const struct file_operations dev_fops = {
	.llseek = no_llseek,
	.ioctl = dev_ioctl,
};

static int autofs_dev_init(void)
{
	int err = register_chrdev(MISC_MAJOR, AUTOFS_MINOR_NR, 1, "misc", &dev_fops);

	return err ? err :
		     devtmpfs_create("autofs", S_IFCHR | 0600, MKDEV(MISC_MAJOR, AUTOFS_MINOR_NR));
}
INITCALL(4, autofs_dev_init);
