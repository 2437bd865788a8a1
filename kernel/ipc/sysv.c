/* SPDX-License-Identifier: MIT */
/*
 * sysv.c: tables, ids and permissions of System V objects (sysv.h has the interface).
 *
 * Ids: an object gets the lowest free index after the last one assigned, in a window of 64, or of
 * 1.5 times the number of objects if that is more. The window is never larger than the limit of
 * objects. Each time the index wraps, the sequence number is incremented, so that an id is not
 * reused soon. A sysctl kernel.*_next_id can request another id for one object.
 *
 * Locks: ids->lock. An object's lock is taken after ids->lock has been dropped. Only sysv_remove()
 * and sysv_forget_key() take ids->lock inside an object's lock.
 */
#include "kernel/ipc/sysv.h"

#define IDX_MASK (IPC_MAX_OBJECTS - 1)
#define MIN_CYCLE 64
#define SEQ_MAX (0x7fffffff >> IPC_IDX_BITS)

const struct sysv_type *const sysv_types[IPC_TYPES] = {
	[IPC_SEM] = &sysv_sem_type,
	[IPC_MSG] = &sysv_msg_type,
	[IPC_SHM] = &sysv_shm_type,
};

s64 sysv_now(void)
{
	return (s64)(ktime_get_real() / 1000000000UL);
}

struct pid *sysv_get_tgid(void)
{
	struct pid *p = sysv_tgid(current);

	return p ? get_pid(p) : NULL;
}

void sysv_perm_init(struct sysv_perm *p, const struct sysv_request *r)
{
	spin_lock_init(&p->lock);
	atomic_set(&p->refs, 1);
	p->key = r->key;
	p->mode = r->flags & 0777;
	p->uid = p->cuid = current_euid();
	p->gid = p->cgid = current_cred()->egid;
}

void sysv_put(const struct sysv_type *t, struct sysv_perm *p)
{
	if (atomic_dec_and_test(&p->refs))
		t->free(p);
}

/* ---- permissions ---- */

int sysv_permits(const struct sysv_perm *p, umode_t want)
{
	kuid_t euid = current_euid();
	umode_t asked = (want >> 6 | want >> 3 | want) & 7, granted = p->mode;

	if (euid == p->uid || euid == p->cuid)
		granted >>= 6;
	else if (in_group(p->gid) || in_group(p->cgid))
		granted >>= 3;
	if (!(asked & ~granted & 7) || ns_capable(task_ipc_ns(current)->ns.owner, CAP_IPC_OWNER))
		return 0;
	return -EACCES;
}

int sysv_owner(const struct sysv_perm *p)
{
	kuid_t euid = current_euid();

	return euid == p->uid || euid == p->cuid ||
			       ns_capable(task_ipc_ns(current)->ns.owner, CAP_SYS_ADMIN) ?
		       0 :
		       -EPERM;
}

void sysv_perm_out(const struct sysv_perm *p, struct ipc64_perm *out)
{
	out->key = p->key;
	out->uid = from_kuid_munged(current_user_ns(), p->uid);
	out->gid = from_kgid_munged(current_user_ns(), p->gid);
	out->cuid = from_kuid_munged(current_user_ns(), p->cuid);
	out->cgid = from_kgid_munged(current_user_ns(), p->cgid);
	out->mode = p->mode;
	out->seq = (u16)p->seq;
}

int sysv_perm_set(struct sysv_perm *p, const struct ipc64_perm *in)
{
	kuid_t uid = make_kuid(current_user_ns(), in->uid);
	kgid_t gid = make_kgid(current_user_ns(), in->gid);

	if (!uid_valid(uid) || !uid_valid(gid))
		return -EINVAL;
	p->uid = uid;
	p->gid = gid;
	p->mode = (p->mode & ~0777U) | (in->mode & 0777);
	return 0;
}

/* ---- tables ---- */

static u64 key_index(s32 key)
{
	return (u32)key;
}

/* Enters @p at a free index, under ids->lock. Returns the index, -ENOSPC or -ENOMEM. */
static s64 choose_index(struct ipc_ids *ids, struct sysv_perm *p, int limit)
{
	int window = min(max(ids->in_use * 3 / 2, MIN_CYCLE), min(limit, IPC_MAX_OBJECTS));
	s64 at = -ENOSPC, next = ids->last_index + 1;

	if (ids->next_id >= 0) {
		int wish = ids->next_id;

		ids->next_id = -1;
		at = radix_alloc(&ids->by_index, (u64)(wish & IDX_MASK), IDX_MASK, p);
		if (at >= 0) {
			p->seq = (u32)wish >> IPC_IDX_BITS;
			return at;
		}
	}
	if (next < window)
		at = radix_alloc(&ids->by_index, (u64)next, (u64)(window - 1), p);
	if (at == -ENOSPC)
		at = radix_alloc(&ids->by_index, 0, (u64)(window - 1), p);
	if (at < 0)
		return at;
	if (at <= ids->last_index && ++ids->seq >= SEQ_MAX)
		ids->seq = 0;
	ids->last_index = (int)at;
	p->seq = ids->seq;
	return at;
}

/*
 * Inserts an object. Returns 0; -EEXIST: another object has taken the key meanwhile; -ENOSPC,
 * -ENOMEM.
 */
static int insert(struct ipc_ids *ids, struct sysv_perm *p, int limit)
{
	int err = 0;
	s64 at;

	spin_lock(&ids->lock);
	if (ids->in_use >= limit)
		err = -ENOSPC;
	if (!err && p->key != IPC_PRIVATE)
		err = radix_insert(&ids->by_key, key_index(p->key), p);
	if (err)
		goto out;
	at = choose_index(ids, p, limit);
	if (at < 0) {
		err = (int)at;
		if (p->key != IPC_PRIVATE)
			radix_delete(&ids->by_key, key_index(p->key));
		goto out;
	}
	p->id = (int)(p->seq << IPC_IDX_BITS | (u32)at);
	ids->in_use++;
out:
	spin_unlock(&ids->lock);
	return err;
}

void sysv_forget_key(struct ipc_namespace *ns, enum ipc_type t, struct sysv_perm *p)
{
	struct ipc_ids *ids = &ns->ids[t];

	spin_lock(&ids->lock);
	if (p->key != IPC_PRIVATE)
		radix_delete(&ids->by_key, key_index(p->key));
	p->key = IPC_PRIVATE;
	spin_unlock(&ids->lock);
}

void sysv_remove(struct ipc_namespace *ns, enum ipc_type t, struct sysv_perm *p)
{
	struct ipc_ids *ids = &ns->ids[t];
	int index = p->id & IDX_MASK;

	sysv_forget_key(ns, t, p);
	spin_lock(&ids->lock);
	radix_delete(&ids->by_index, (u64)index);
	ids->in_use--;
	spin_unlock(&ids->lock);
}

struct sysv_perm *sysv_next(struct ipc_namespace *ns, enum ipc_type t, u64 *index)
{
	struct ipc_ids *ids = &ns->ids[t];
	struct sysv_perm *p;

	spin_lock(&ids->lock);
	p = radix_next(&ids->by_index, index);
	if (p)
		atomic_inc(&p->refs);
	spin_unlock(&ids->lock);
	return p;
}

struct sysv_perm *sysv_find_index(struct ipc_namespace *ns, enum ipc_type t, int index)
{
	struct ipc_ids *ids = &ns->ids[t];
	struct sysv_perm *p;

	if (index < 0)
		return ERR_PTR(-EINVAL);
	spin_lock(&ids->lock);
	p = radix_lookup(&ids->by_index, (u64)(index & IDX_MASK));
	if (p)
		atomic_inc(&p->refs);
	spin_unlock(&ids->lock);
	return p ? p : ERR_PTR(-EINVAL);
}

struct sysv_perm *sysv_find(struct ipc_namespace *ns, enum ipc_type t, int id)
{
	struct sysv_perm *p = sysv_find_index(ns, t, id);

	if (!IS_ERR(p) && p->id != id) {
		sysv_put(sysv_types[t], p);
		return ERR_PTR(-EINVAL);
	}
	return p;
}

int sysv_lock(struct sysv_perm *p)
{
	spin_lock(&p->lock);
	if (!p->removed)
		return 0;
	spin_unlock(&p->lock);
	return -EIDRM;
}

int sysv_max_index(struct ipc_namespace *ns, enum ipc_type t)
{
	struct ipc_ids *ids = &ns->ids[t];
	int found = 0;
	u64 at = 0;

	spin_lock(&ids->lock);
	for (; radix_next(&ids->by_index, &at); at++)
		found = (int)at;
	spin_unlock(&ids->lock);
	return found;
}

int sysv_in_use(struct ipc_namespace *ns, enum ipc_type t)
{
	return READ_ONCE(ns->ids[t].in_use);
}

/* ---- get ---- */

/* Returns the object with the key with a reference, or NULL. */
static struct sysv_perm *find_key(struct ipc_ids *ids, s32 key)
{
	struct sysv_perm *p;

	spin_lock(&ids->lock);
	p = radix_lookup(&ids->by_key, key_index(key));
	if (p)
		atomic_inc(&p->refs);
	spin_unlock(&ids->lock);
	return p;
}

/*
 * Serves a request with an existing object. Returns its id or -errno; -EAGAIN: it was removed
 * meanwhile.
 */
static long use_existing(
	const struct sysv_type *t, struct sysv_perm *p, const struct sysv_request *r)
{
	long ret;

	if ((r->flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	if (sysv_lock(p))
		return -EAGAIN;
	ret = t->fits ? t->fits(p, r) : 0;
	if (!ret)
		ret = sysv_permits(p, (umode_t)r->flags & 0777);
	if (!ret)
		ret = p->id;
	spin_unlock(&p->lock);
	return ret;
}

static long make_new(const struct sysv_type *t, const struct sysv_request *r)
{
	struct sysv_perm *p = t->make(r);
	int err, id;

	if (IS_ERR(p))
		return PTR_ERR(p);
	/* a reference for this function, until it has read the id */
	atomic_inc(&p->refs);
	err = insert(&r->ns->ids[t->type], p, t->limit(r->ns));
	id = p->id;
	if (err)
		sysv_put(t, p);
	sysv_put(t, p);
	return err ? err : id;
}

long sysv_get(const struct sysv_type *t, const struct sysv_request *r)
{
	if (r->key == IPC_PRIVATE)
		return make_new(t, r);
	for (;;) {
		struct sysv_perm *p = find_key(&r->ns->ids[t->type], r->key);
		long ret;

		if (p) {
			ret = use_existing(t, p, r);
			sysv_put(t, p);
			if (ret != -EAGAIN)
				return ret;
		} else if (!(r->flags & IPC_CREAT)) {
			return -ENOENT;
		} else {
			ret = make_new(t, r);
			if (ret != -EEXIST)
				return ret;
		}
		if (signal_pending(current))
			return -ERESTARTNOINTR;
		cond_resched();
	}
}
