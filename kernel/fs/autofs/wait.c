/* SPDX-License-Identifier: MIT */
/*
 * wait.c: requests to the daemon. A path walk or an expiry makes a request, an ioctl of the daemon
 * answers it, and any number of processes wait for it.
 *
 * A request stays on the list until it is answered, even if no process waits for it any more: a
 * process that reaches the name later waits for the same request.
 */
#include "kernel/fs/autofs/autofs.h"

struct autofs_request {
	/* in autofs_sb.requests until answered */
	struct list_head link;
	/*
	 * Number of waiting processes, plus one for the list. Changed under autofs_sb.lock, like
	 * done and status. dentry and packet do not change.
	 */
	u32 users;
	bool done;
	int status; /* the answer: 0 or -errno */
	struct wait_queue_head wait;
	/* referenced, so that its address is not used for another name meanwhile */
	struct dentry *dentry;
	struct autofs_v5_packet packet;
};

/* Drops a use of the request. The last drop frees it. s->lock is held. */
static void put_request(struct autofs_request *r)
{
	if (--r->users)
		return;
	dput(r->dentry);
	kfree(r);
}

/* Takes the request off the list and completes it with @status. s->lock is held. */
static void end_request(struct autofs_request *r, int status)
{
	list_del_init(&r->link);
	r->status = status;
	WRITE_ONCE(r->done, true);
	wake_up_all(&r->wait);
	put_request(r);
}

/* Completes all requests with -ENOENT. s->lock is held. */
static void fail_all(struct autofs_sb *s)
{
	struct autofs_request *r, *next;

	assert_mutex_held(&s->lock);
	list_for_each_entry_safe(r, next, &s->requests, link)
		end_request(r, -ENOENT);
}

/*
 * Makes the mount catatonic: closes the pipe and fails all requests. With @broken, only if the pipe
 * is still @broken: another daemon may have replaced it meanwhile.
 */
static void give_up(struct autofs_sb *s, const struct file *broken)
{
	struct file *pipe = NULL;

	mutex_lock(&s->lock);
	if (!broken || s->pipe == broken) {
		s->catatonic = true;
		fail_all(s);
		pipe = s->pipe;
		s->pipe = NULL;
	}
	mutex_unlock(&s->lock);
	if (pipe)
		fput(pipe);
}

void autofs_catatonic(struct autofs_sb *s)
{
	give_up(s, NULL);
}

int autofs_answer(struct autofs_sb *s, u32 token, int status)
{
	struct autofs_request *r;
	int err = -EINVAL;

	mutex_lock(&s->lock);
	list_for_each_entry(r, &s->requests, link) {
		if (r->packet.wait_queue_token != token)
			continue;
		end_request(r, status);
		err = 0;
		break;
	}
	mutex_unlock(&s->lock);
	return err;
}

/*
 * Writes a name into the packet: the name of @d in the root, or for a trigger, which has no name,
 * the token in hex. Returns 0 or -ENAMETOOLONG.
 */
static int name_of(const struct autofs_sb *s, struct dentry *d, struct autofs_v5_packet *p)
{
	if (autofs_is_trigger(s)) {
		p->len = (u32)scnprintf(p->name, sizeof(p->name), "%08x", p->wait_queue_token);
		return 0;
	}
	if (d->d_name.len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(p->name, d->d_name.name, d->d_name.len);
	p->len = d->d_name.len;
	return 0;
}

/*
 * Fills in the packet: pids in the daemon's pid namespace, uid and gid in the mount's user
 * namespace. Returns 0 or -errno: -ENOENT if the task has no pid in that pid namespace.
 */
static int fill_packet(struct autofs_sb *s, struct autofs_request *r, struct dentry *d, bool expire)
{
	struct autofs_v5_packet *p = &r->packet;
	const struct pid_namespace *ns = pid_ns_of(s->oz_pgrp);
	const struct user_namespace *users = s->sb->s_user_ns;

	p->hdr.proto_version = s->version;
	if (s->version < 5)
		p->hdr.type = expire ? autofs_ptype_expire_multi : autofs_ptype_missing;
	else if (autofs_is_trigger(s))
		p->hdr.type = expire ? autofs_ptype_expire_direct : autofs_ptype_missing_direct;
	else
		p->hdr.type = expire ? autofs_ptype_expire_indirect : autofs_ptype_missing_indirect;
	if (!++s->last_token)
		++s->last_token;
	p->wait_queue_token = s->last_token;
	p->dev = (MINOR(s->sb->s_dev) & 0xff) | MAJOR(s->sb->s_dev) << 8 |
		 (MINOR(s->sb->s_dev) & ~0xffU) << 12;
	p->ino = d_inode(s->sb->s_root)->i_ino;
	p->uid = from_kuid_munged(users, current_cred()->uid);
	p->gid = from_kgid_munged(users, current_cred()->gid);
	p->pid = (u32)task_pid_nr_ns(current, ns);
	p->tgid = (u32)task_pid_nr_ns(current->group_leader, ns);
	if (!p->pid || !p->tgid)
		return -ENOENT;
	return name_of(s, d, p);
}

/* Returns the request for @d, or NULL. s->lock is held. */
static struct autofs_request *find(struct autofs_sb *s, const struct dentry *d)
{
	struct autofs_request *r;

	list_for_each_entry(r, &s->requests, link)
		if (r->dentry == d)
			return r;
	return NULL;
}

/*
 * Makes a packet of protocols 3 and 4, which has no ids. Packets to mount and to unmount have the
 * same layout there.
 */
static void old_packet(struct autofs_packet_missing *old, const struct autofs_v5_packet *p)
{
	_Static_assert(sizeof(struct autofs_packet_expire_multi) == sizeof(*old) &&
			       sizeof(old->name) == sizeof(p->name),
		"one layout");

	old->hdr = p->hdr;
	old->wait_queue_token = p->wait_queue_token;
	old->len = (int)p->len;
	memcpy(old->name, p->name, sizeof(old->name));
}

/*
 * Writes the packet without sending SIGPIPE, since the pipe is not current's own.
 * Returns 0, -errno, or -EIO if only a part was written.
 */
static ssize_t write_packet(
	struct autofs_sb *s, struct file *pipe, const struct autofs_v5_packet *p)
{
	struct autofs_packet_missing old;
	const bool is_old = s->version < 5;
	const size_t size = is_old ? sizeof(old) : sizeof(*p);
	u32 flags = current->flags & PF_NO_XFSZ;
	loff_t pos = 0;
	ssize_t n;

	if (is_old)
		old_packet(&old, p);
	/* If the daemon does not read its pipe, another task may be blocked with pipe_lock held. */
	if (mutex_lock_killable(&s->pipe_lock))
		return -EINTR;
	current->flags |= PF_NO_XFSZ;
	n = kernel_write(pipe, is_old ? (const void *)&old : p, size, &pos);
	current->flags = (current->flags & ~PF_NO_XFSZ) | flags;
	mutex_unlock(&s->pipe_lock);
	return n < 0 ? n : n == (ssize_t)size ? 0 : -EIO;
}

/*
 * Sends the request, which is already on the list. After a signal or lack of memory only this
 * request fails. Other errors make the mount catatonic.
 */
static void send_request(struct autofs_sb *s, struct autofs_request *r, struct file *pipe)
{
	u32 token = r->packet.wait_queue_token;
	ssize_t err = write_packet(s, pipe, &r->packet);

	if (!err)
		return;
	if (err == -ENOMEM)
		autofs_answer(s, token, -ENOMEM);
	else if (err == -ERESTARTSYS || err == -EINTR)
		autofs_answer(s, token, -EINTR);
	else
		give_up(s, pipe);
}

/* Makes a request with one use, the list's. s->lock is held. Returns ERR_PTR on failure. */
static struct autofs_request *request_new(struct autofs_sb *s, struct dentry *d, bool expire)
{
	struct autofs_request *r = kzalloc(sizeof(*r), GFP_KERNEL | __GFP_ACCOUNT);
	int err;

	if (!r)
		return ERR_PTR(-ENOMEM);
	err = fill_packet(s, r, d, expire);
	if (err) {
		kfree(r);
		return ERR_PTR(err);
	}
	init_waitqueue_head(&r->wait);
	r->dentry = dget(d);
	r->users = 1;
	list_add_tail(&r->link, &s->requests);
	return r;
}

/*
 * Waits for the answer to @r, and drops current's use of @r. Returns the request's status or
 * -EINTR.
 */
static int await(struct autofs_sb *s, struct autofs_request *r)
{
	int err = wait_event_killable(&r->wait, READ_ONCE(r->done));

	mutex_lock(&s->lock);
	if (r->done)
		err = r->status;
	else if (err)
		err = -EINTR;
	put_request(r);
	mutex_unlock(&s->lock);
	return err;
}

/* Records current as the last process whose request for @d succeeded. Takes s->lock. */
static void remember(struct autofs_sb *s, const struct dentry *d)
{
	struct autofs_info *i = autofs_info(d);

	mutex_lock(&s->lock);
	if (i) {
		i->uid = current_cred()->uid;
		i->gid = current_cred()->gid;
		i->last_used = ktime_get();
	}
	mutex_unlock(&s->lock);
}

int autofs_ask(struct autofs_sb *s, const struct path *p, bool expire)
{
	struct autofs_request *r;
	struct file *pipe = NULL;
	int err;

	mutex_lock(&s->lock);
	r = s->catatonic || !s->pipe ? ERR_PTR(-ENOENT) : find(s, p->dentry);
	if (!r && !expire && path_is_mountpoint(p)) { /* mounted meanwhile */
		mutex_unlock(&s->lock);
		return 0;
	}
	if (!r) {
		r = request_new(s, p->dentry, expire);
		if (!IS_ERR(r)) {
			pipe = s->pipe;
			get_file(pipe);
		}
	}
	if (!IS_ERR(r))
		r->users++;
	mutex_unlock(&s->lock);
	if (IS_ERR(r))
		return (int)PTR_ERR(r);
	if (pipe) {
		send_request(s, r, pipe);
		fput(pipe);
	}
	err = await(s, r);
	if (!err && !expire)
		remember(s, p->dentry);
	return err;
}

static bool is_expiring(struct autofs_sb *s, const struct dentry *d)
{
	const struct autofs_info *i = autofs_info(d);
	bool yes;

	mutex_lock(&s->lock);
	yes = i && i->expiring;
	mutex_unlock(&s->lock);
	return yes;
}

int autofs_await_expiry(struct autofs_sb *s, const struct dentry *d)
{
	const struct autofs_info *i = autofs_info(d);

	if (!i || !READ_ONCE(i->expiring))
		return 0;
	return wait_event_killable(&s->expired, !is_expiring(s, d)) ? -EINTR : 0;
}
