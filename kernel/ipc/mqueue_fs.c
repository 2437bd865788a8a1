/* SPDX-License-Identifier: MIT */
/*
 * mqueue_fs.c: the file system of message queues. Each namespace has one superblock, which is made
 * when it is first needed, even if the guest does not mount it.
 *
 * A queue is a file in the root directory. A read of the file returns one line (QSIZE, the process
 * to notify); open(O_CREAT) makes a queue with the default attributes, and unlink removes a queue's
 * name. The memory of a queue is charged to its maker's user (RLIMIT_MSGQUEUE) until the queue has
 * no name and no descriptor any more.
 *
 * Locks: the root's i_rwsem for names; mq_lock while a namespace's mount is made; mq_sb_lock for
 * sb->s_fs_info, which points to the namespace and is cleared at its end.
 */
#include <linux/eventpoll.h>
#include <linux/resource.h>

#include "kernel/ipc/mqueue.h"
#include "kernel/lib/printk.h"
#include "kernel/vfs/mount/fsparam.h"
#include "kernel/vfs/libfs.h"
#include "kernel/vfs/super.h"

#define MQUEUE_MAGIC 0x19800202
#define HARD_MSG_MAX 65536
#define HARD_MSGSIZE_MAX (16 << 20)
#define LINE_SIZE 80
/* bytes that Linux charges for the head of a message, and for a priority */
#define MESSAGE_COST 48

static DEFINE_MUTEX(mq_lock);
static DEFINE_SPINLOCK(mq_sb_lock);
static const struct inode_operations mq_dir_iops, mq_file_iops;

/* ---- limits ---- */

/* Checks the attributes of a new queue: messages, and bytes of a message. Returns 0 or -EINVAL. */
static int check_attr(const struct ipc_namespace *ns, s64 msgs, s64 size)
{
	bool more = capable(CAP_SYS_RESOURCE);

	if (msgs <= 0 || size <= 0)
		return -EINVAL;
	if (msgs > (more ? HARD_MSG_MAX : ns->mq_msg_max) ||
		size > (more ? HARD_MSGSIZE_MAX : ns->mq_msgsize_max))
		return -EINVAL;
	return 0;
}

/* Charges the queue's memory to the current user. Returns 0 or -EMFILE. */
static int charge_user(struct mq_inode *q)
{
	struct user_struct *u = current_cred()->user;
	s64 bytes = q->max_msgs * (2 * MESSAGE_COST + q->msg_size);

	if ((u64)atomic_add_return(bytes, &u->mq_bytes) > rlimit(RLIMIT_MSGQUEUE)) {
		atomic_sub(bytes, &u->mq_bytes);
		return -EMFILE;
	}
	atomic_inc(&u->usage);
	q->user = u;
	q->charged = (u64)bytes;
	return 0;
}

/*
 * Count a queue against the namespace's limit, and take that back. count_queue() returns 0 or
 * -ENOSPC.
 */
static int count_queue(struct ipc_namespace *ns)
{
	if (atomic_inc_return(&ns->mq_queues) <= ns->mq_queues_max || capable(CAP_SYS_RESOURCE))
		return 0;
	atomic_dec(&ns->mq_queues);
	return -ENOSPC;
}

static void uncount_queue(struct super_block *sb)
{
	struct ipc_namespace *ns;

	spin_lock(&mq_sb_lock);
	ns = sb->s_fs_info;
	if (ns)
		atomic_dec(&ns->mq_queues);
	spin_unlock(&mq_sb_lock);
}

/* Returns the namespace of a superblock, with a reference, or NULL if it has ended. */
static struct ipc_namespace *sb_ns(struct super_block *sb)
{
	struct ipc_namespace *ns;

	spin_lock(&mq_sb_lock);
	ns = sb->s_fs_info;
	if (ns && !atomic_inc_not_zero(&ns->ns.count))
		ns = NULL;
	spin_unlock(&mq_sb_lock);
	return ns;
}

/* ---- inodes ---- */

static struct inode *mq_alloc_inode(struct super_block *sb)
{
	struct mq_inode *q = kzalloc(sizeof(*q), GFP_KERNEL);

	if (!q)
		return NULL;
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->messages);
	INIT_LIST_HEAD(&q->receivers);
	INIT_LIST_HEAD(&q->senders);
	init_waitqueue_head(&q->wait);
	return &q->vfs;
}

static void mq_free_inode(struct inode *inode)
{
	kfree(MQ(inode));
}

static void mq_evict_inode(struct inode *inode)
{
	struct mq_inode *q = MQ(inode);

	clear_inode(inode);
	if (!q->user)
		return;
	mq_notify_end(q, true);
	mq_drop_messages(q);
	atomic_sub((s64)q->charged, &q->user->mq_bytes);
	put_uid_user(q->user);
	uncount_queue(inode->i_sb);
}

/*
 * Makes a queue's inode, which has no name yet. @msgs, @size: as for check_attr(). Returns ERR_PTR
 * on failure.
 */
static struct inode *new_queue(
	struct super_block *sb, struct inode *dir, umode_t mode, s64 msgs, s64 size)
{
	static atomic64_t next_ino;
	struct inode *inode = new_inode(sb);
	int err;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_ino = (u64)atomic_inc_return(&next_ino) + 1;
	inode_init_owner(inode, dir, mode);
	inode->i_atime = inode->i_mtime = inode->i_ctime = inode->i_btime = current_time(inode);
	inode->i_op = &mq_file_iops;
	inode->i_fop = &mqueue_file_ops;
	inode->i_size = LINE_SIZE;
	MQ(inode)->max_msgs = msgs;
	MQ(inode)->msg_size = size;
	err = charge_user(MQ(inode));
	if (!err)
		return inode;
	clear_nlink(inode);
	iput(inode);
	return ERR_PTR(err);
}

/*
 * Makes a queue under the name @d. @attr NULL: default attributes. The root's i_rwsem is held.
 * Returns 0 or -errno.
 */
static int add_queue(struct ipc_namespace *ns, struct inode *dir, struct dentry *d, umode_t mode,
	const struct mq_attr *attr)
{
	s64 msgs = attr ? attr->mq_maxmsg : min(ns->mq_msg_max, ns->mq_msg_default);
	s64 size = attr ? attr->mq_msgsize : min(ns->mq_msgsize_max, ns->mq_msgsize_default);
	struct inode *inode;
	int err = count_queue(ns);

	if (err)
		return err;
	err = attr ? check_attr(ns, msgs, size) : 0;
	inode = err ? ERR_PTR(err) : new_queue(dir->i_sb, dir, mode, msgs, size);
	if (IS_ERR(inode)) {
		atomic_dec(&ns->mq_queues);
		return PTR_ERR(inode);
	}
	return simple_dir_add_new(dir, d, inode);
}

int mq_create(struct inode *dir, struct dentry *d, umode_t mode, const struct mq_attr *attr)
{
	struct ipc_namespace *ns = sb_ns(dir->i_sb);
	int err;

	if (!ns)
		return -EACCES;
	err = add_queue(ns, dir, d, (mode & 07777) | S_IFREG, attr);
	ipc_ns_put(ns);
	return err;
}

static int mq_create_op(struct inode *dir, struct dentry *d, umode_t mode, bool excl)
{
	return mq_create(dir, d, mode, NULL);
}

static const struct inode_operations mq_dir_iops = {
	.lookup = simple_lookup,
	.create = mq_create_op,
	.unlink = simple_unlink,
	.setattr = simple_setattr,
};

/*
 * Changes attributes. A truncation only changes the size that stat(2) reports: reads still return
 * the status line.
 */
static int mq_setattr(struct dentry *d, struct iattr *a)
{
	bool size = a->ia_valid & ATTR_SIZE;
	int err;

	a->ia_valid &= ~(u32)ATTR_SIZE;
	err = simple_setattr(d, a);
	if (!err && size)
		i_size_write(d->d_inode, a->ia_size);
	return err;
}
static const struct inode_operations mq_file_iops = { .setattr = mq_setattr };

/* ---- files ---- */

static ssize_t mq_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct mq_inode *q = MQ(f->f_inode);
	bool named;
	char line[LINE_SIZE];
	int n;

	spin_lock(&q->lock);
	named = q->notify.owner && q->notify.how == SIGEV_SIGNAL;
	n = scnprintf(line, sizeof(line), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
		q->bytes, q->notify.owner ? q->notify.how : 0, named ? q->notify.signo : 0,
		pid_vnr(q->notify.owner));
	spin_unlock(&q->lock);
	if (*pos < 0 || *pos >= n)
		return 0;
	n = (int)copy_to_iter(line + *pos, min_t(size_t, (size_t)(n - *pos), to->count), to);
	if (!n && to->count)
		return -EFAULT;
	*pos += n;
	f->f_inode->i_atime = f->f_inode->i_ctime = current_time(f->f_inode);
	return n;
}

static u32 mq_poll(struct file *f, struct poll_table *pt)
{
	struct mq_inode *q = MQ(f->f_inode);
	u32 mask = 0;

	poll_wait(f, &q->wait, pt);
	spin_lock(&q->lock);
	if (q->nr)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (q->nr < q->max_msgs)
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock(&q->lock);
	return mask;
}

static int mq_flush(struct file *f)
{
	mq_notify_end(MQ(f->f_inode), false);
	return 0;
}

const struct file_operations mqueue_file_ops = {
	.llseek = generic_file_llseek,
	.read_iter = mq_read,
	.no_splice_read = true,
	.poll = mq_poll,
	.flush = mq_flush,
};

/* ---- superblocks ---- */

static const struct super_operations mq_super_ops = {
	.alloc_inode = mq_alloc_inode,
	.free_inode = mq_free_inode,
	.drop_inode = generic_delete_inode,
	.evict_inode = mq_evict_inode,
	.statfs = simple_statfs,
};

static int mq_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct inode *root;

	sb->s_op = &mq_super_ops;
	sb->s_fs_info = data;
	sb->s_magic = MQUEUE_MAGIC;
	sb->s_maxbytes = S64_MAX;
	sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	root = new_inode(sb);
	if (!root)
		return -ENOMEM;
	root->i_ino = 1;
	root->i_mode = S_IFDIR | 01777;
	root->i_op = &mq_dir_iops;
	root->i_fop = &simple_dir_operations;
	root->i_atime = root->i_mtime = root->i_ctime = root->i_btime = current_time(root);
	set_nlink(root, 2);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

/* Returns the root of a new superblock, for the kernel's own mount. @data is the namespace. */
static struct dentry *mq_make_super(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, mq_fill_super);
}

/* Serves mount(2): mounts the superblock of current's IPC namespace. */
static struct dentry *mq_mount_op(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	struct mount *m = mq_mount_get(current_ipc_ns());
	struct dentry *root;

	if (IS_ERR(m))
		return ERR_CAST(m);
	root = dget(m->mnt_root);
	atomic_inc(&root->d_sb->s_active);
	down_write(&root->d_sb->s_umount);
	mntput(m);
	return root;
}

static struct file_system_type mq_inner_type = {
	.name = "mqueue", .mount = mq_make_super, .kill_sb = kill_anon_super
};
static const struct fs_param params[] = {
	FS_PARAM_END,
};

static struct user_namespace *mq_owner(void)
{
	return current_ns_owner(NS_IPC);
}

static struct file_system_type mq_type = { .name = "mqueue",
	.fs_flags = FS_USERNS_MOUNT,
	.owner = mq_owner,
	.params = params,
	.mount = mq_mount_op,
	.kill_sb = kill_anon_super };

struct mount *mq_mount_get(struct ipc_namespace *ns)
{
	struct mount *m;

	mutex_lock(&mq_lock);
	m = ns->mq_mount;
	if (!m) {
		m = kern_mount_data(&mq_inner_type, ns);
		if (!IS_ERR(m))
			ns->mq_mount = m;
	}
	if (!IS_ERR(m))
		mntget(m);
	mutex_unlock(&mq_lock);
	return m;
}

void mq_namespace_init(struct ipc_namespace *ns)
{
	ns->mq_queues_max = 256;
	ns->mq_msg_max = ns->mq_msg_default = 10;
	ns->mq_msgsize_max = ns->mq_msgsize_default = 8192;
}

void mq_namespace_exit(struct ipc_namespace *ns)
{
	if (!ns->mq_mount)
		return;
	spin_lock(&mq_sb_lock);
	ns->mq_mount->mnt_sb->s_fs_info = NULL;
	spin_unlock(&mq_sb_lock);
	mntput(ns->mq_mount);
}

static int mq_init(void)
{
	return register_filesystem(&mq_type);
}
INITCALL(2, mq_init);
