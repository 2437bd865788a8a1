/* SPDX-License-Identifier: MIT */
/*
 * setid.c: user and group ids: the get* and set* calls and supplementary groups. Rules:
 * credentials(7) and the calls' own pages. Each set call edits a copy of the credentials and
 * installs it as a whole (cred.c), so other tasks never see half of a change.
 */
#include "gen/syscalls.h"
#include "kernel/ident/internal.h"

#define KEEP ((u32)-1)
#define NGROUPS_LIMIT 65536

long sys_getuid(void)
{
	return from_kuid_munged(current_user_ns(), current_uid());
}

long sys_geteuid(void)
{
	return from_kuid_munged(current_user_ns(), current_euid());
}

long sys_getgid(void)
{
	return from_kgid_munged(current_user_ns(), current_cred()->gid);
}

long sys_getegid(void)
{
	return from_kgid_munged(current_user_ns(), current_cred()->egid);
}

long sys_getresuid(uaddr_t ruid, uaddr_t euid, uaddr_t suid)
{
	const struct cred *c = current_cred();
	u32 r = from_kuid_munged(c->user_ns, c->uid), e = from_kuid_munged(c->user_ns, c->euid);
	u32 s = from_kuid_munged(c->user_ns, c->suid);

	return put_user(r, ruid) || put_user(e, euid) || put_user(s, suid) ? -EFAULT : 0;
}

long sys_getresgid(uaddr_t rgid, uaddr_t egid, uaddr_t sgid)
{
	const struct cred *c = current_cred();
	u32 r = from_kgid_munged(c->user_ns, c->gid), e = from_kgid_munged(c->user_ns, c->egid);
	u32 s = from_kgid_munged(c->user_ns, c->sgid);

	return put_user(r, rgid) || put_user(e, egid) || put_user(s, sgid) ? -EFAULT : 0;
}

/*
 * Translates an id from current's user namespace; -1 stays -1. Returns false if the id is unmapped
 * there.
 */
static bool to_kuid(u32 *uid)
{
	if (*uid == KEEP)
		return true;
	*uid = make_kuid(current_user_ns(), *uid);
	return uid_valid(*uid);
}

/* Translates a gid, as to_kuid() does a uid. */
static bool to_kgid(u32 *gid)
{
	if (*gid == KEEP)
		return true;
	*gid = make_kgid(current_user_ns(), *gid);
	return uid_valid(*gid);
}

/* Charges the process to the user of the real uid. Returns 0 or -EAGAIN. */
static int set_user(struct cred *new)
{
	struct user_struct *u = get_uid_user(new->uid);

	if (!u)
		return -EAGAIN;
	put_uid_user(new->user);
	new->user = u;
	/*
	 * Many programs do not check the result of setuid(), so it succeeds over the limit; the
	 * next exec() fails.
	 */
	current->over_nproc = u->uid && (u64)atomic_read(&u->processes) > rlimit(RLIMIT_NPROC);
	return 0;
}

/* Finishes every call that changes uids. Takes over @new. Returns 0 or -errno. */
static long commit_uids(struct cred *new)
{
	const struct cred *old = current_cred();
	int err = 0;

	new->fsuid = new->euid;
	if (new->uid != old->uid)
		err = set_user(new);
	if (err) {
		abort_creds(new);
		return err;
	}
	cap_setuid_fixup(new, old);
	return commit_creds(new);
}

/* Drops @new, and returns -EPERM. */
static long refuse_creds(struct cred *new)
{
	abort_creds(new);
	return -EPERM;
}

long sys_setuid(u32 uid)
{
	const struct cred *old = current_cred();
	struct cred *new;

	uid = make_kuid(old->user_ns, uid);
	if (!uid_valid(uid))
		return -EINVAL;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (ns_capable(current_user_ns(), CAP_SETUID))
		new->uid = new->suid = uid;
	else if (uid != old->uid && uid != old->suid)
		return refuse_creds(new);
	new->euid = uid;
	return commit_uids(new);
}

long sys_setreuid(u32 ruid, u32 euid)
{
	const struct cred *old = current_cred();
	bool privileged = ns_capable(current_user_ns(), CAP_SETUID);
	struct cred *new;

	if (!to_kuid(&ruid) || !to_kuid(&euid))
		return -EINVAL;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (ruid != KEEP) {
		if (ruid != old->uid && ruid != old->euid && !privileged)
			return refuse_creds(new);
		new->uid = ruid;
	}
	if (euid != KEEP) {
		if (euid != old->uid && euid != old->euid && euid != old->suid && !privileged)
			return refuse_creds(new);
		new->euid = euid;
	}
	if (ruid != KEEP || (euid != KEEP && euid != old->uid))
		new->suid = new->euid;
	return commit_uids(new);
}

static bool is_one_of(u32 id, u32 a, u32 b, u32 c)
{
	return id == KEEP || id == a || id == b || id == c;
}

/* True if the call does not change the id. */
static bool stays(u32 wanted, u32 is)
{
	return wanted == KEEP || wanted == is;
}

long sys_setresuid(u32 ruid, u32 euid, u32 suid)
{
	const struct cred *old = current_cred();
	struct cred *new;

	if (!to_kuid(&ruid) || !to_kuid(&euid) || !to_kuid(&suid))
		return -EINVAL;
	if (stays(ruid, old->uid) && stays(suid, old->suid) &&
		(euid == KEEP || (euid == old->euid && euid == old->fsuid)))
		/* Keep the object: linkat() would see a copy as other credentials. */
		return 0;
	if (!(is_one_of(ruid, old->uid, old->euid, old->suid) &&
		    is_one_of(euid, old->uid, old->euid, old->suid) &&
		    is_one_of(suid, old->uid, old->euid, old->suid)) &&
		!ns_capable(current_user_ns(), CAP_SETUID))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (ruid != KEEP)
		new->uid = ruid;
	if (euid != KEEP)
		new->euid = euid;
	if (suid != KEEP)
		new->suid = suid;
	return commit_uids(new);
}

long sys_setgid(u32 gid)
{
	const struct cred *old = current_cred();
	struct cred *new;

	gid = make_kgid(old->user_ns, gid);
	if (!uid_valid(gid))
		return -EINVAL;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (ns_capable(current_user_ns(), CAP_SETGID))
		new->gid = new->sgid = gid;
	else if (gid != old->gid && gid != old->sgid)
		return refuse_creds(new);
	new->egid = new->fsgid = gid;
	return commit_creds(new);
}

long sys_setregid(u32 rgid, u32 egid)
{
	const struct cred *old = current_cred();
	bool privileged = ns_capable(current_user_ns(), CAP_SETGID);
	struct cred *new;

	if (!to_kgid(&rgid) || !to_kgid(&egid))
		return -EINVAL;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (rgid != KEEP) {
		if (rgid != old->gid && rgid != old->egid && !privileged)
			return refuse_creds(new);
		new->gid = rgid;
	}
	if (egid != KEEP) {
		if (egid != old->gid && egid != old->egid && egid != old->sgid && !privileged)
			return refuse_creds(new);
		new->egid = egid;
	}
	if (rgid != KEEP || (egid != KEEP && egid != old->gid))
		new->sgid = new->egid;
	new->fsgid = new->egid;
	return commit_creds(new);
}

long sys_setresgid(u32 rgid, u32 egid, u32 sgid)
{
	const struct cred *old = current_cred();
	struct cred *new;

	if (!to_kgid(&rgid) || !to_kgid(&egid) || !to_kgid(&sgid))
		return -EINVAL;
	if (stays(rgid, old->gid) && stays(sgid, old->sgid) &&
		(egid == KEEP || (egid == old->egid && egid == old->fsgid)))
		return 0;
	if (!(is_one_of(rgid, old->gid, old->egid, old->sgid) &&
		    is_one_of(egid, old->gid, old->egid, old->sgid) &&
		    is_one_of(sgid, old->gid, old->egid, old->sgid)) &&
		!ns_capable(current_user_ns(), CAP_SETGID))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (rgid != KEEP)
		new->gid = rgid;
	if (egid != KEEP)
		new->egid = egid;
	if (sgid != KEEP)
		new->sgid = sgid;
	new->fsgid = new->egid;
	return commit_creds(new);
}

/* Return the old id in any case, as setfsgid() does: these calls cannot fail. */
long sys_setfsuid(u32 uid)
{
	const struct cred *old = current_cred();
	u32 was = from_kuid_munged(old->user_ns, old->fsuid);
	struct cred *new;

	uid = make_kuid(old->user_ns, uid);
	if (!uid_valid(uid) || uid == old->fsuid ||
		(uid != old->uid && uid != old->euid && uid != old->suid &&
			!ns_capable(current_user_ns(), CAP_SETUID)))
		return was;
	new = prepare_creds();
	if (!new)
		return was;
	new->fsuid = uid;
	cap_setfsuid_fixup(new, old);
	commit_creds(new);
	return was;
}

long sys_setfsgid(u32 gid)
{
	const struct cred *old = current_cred();
	u32 was = from_kgid_munged(old->user_ns, old->fsgid);
	struct cred *new;

	gid = make_kgid(old->user_ns, gid);
	if (!uid_valid(gid) || gid == old->fsgid ||
		(gid != old->gid && gid != old->egid && gid != old->sgid &&
			!ns_capable(current_user_ns(), CAP_SETGID)))
		return was;
	new = prepare_creds();
	if (!new)
		return was;
	new->fsgid = gid;
	commit_creds(new);
	return was;
}

/* ---- supplementary groups ---- */

/* Copies the groups to the program, translated to current's user namespace. */
static long put_groups(const struct group_info *g, uaddr_t list)
{
	for (u32 i = 0; i < g->ngroups; i++) {
		u32 gid = from_kgid_munged(current_user_ns(), g->gid[i]);

		if (put_user(gid, uaddr_add(list, i * sizeof(gid))))
			return -EFAULT;
	}
	return g->ngroups;
}

long sys_getgroups(int size, uaddr_t list)
{
	const struct group_info *g = current_cred()->group_info;

	if (size < 0)
		return -EINVAL;
	if (size) {
		if (g->ngroups > (u32)size)
			return -EINVAL;
		if (current_user_ns() != &init_user_ns)
			return put_groups(g, list);
		if (copy_to_user(list, g->gid, g->ngroups * sizeof(g->gid[0])))
			return -EFAULT;
	}
	return g->ngroups;
}

/* Sorts with Shell sort: short, in place, and fast enough for the maximum of 65,536. */
static void sort_gids(kgid_t *a, u32 n)
{
	for (u32 gap = n / 2; gap; gap /= 2)
		for (u32 i = gap; i < n; i++) {
			kgid_t v = a[i];
			u32 j = i;

			for (; j >= gap && a[j - gap] > v; j -= gap)
				a[j] = a[j - gap];
			a[j] = v;
		}
}

long sys_setgroups(int size, uaddr_t list)
{
	struct group_info *g, *old;
	struct cred *new;

	if (!ns_capable(current_user_ns(), CAP_SETGID) || !userns_may_setgroups(current_user_ns()))
		return -EPERM;
	if (size < 0 || size > NGROUPS_LIMIT)
		return -EINVAL;
	g = kmalloc(sizeof(*g) + (u32)size * sizeof(g->gid[0]), GFP_KERNEL | __GFP_ACCOUNT);
	if (!g)
		return -ENOMEM;
	atomic_set(&g->usage, 1);
	g->ngroups = (u32)size;
	if (copy_from_user(g->gid, list, (u32)size * sizeof(g->gid[0]))) {
		kfree(g);
		return -EFAULT;
	}
	for (u32 i = 0; i < g->ngroups; i++) {
		g->gid[i] = make_kgid(current_user_ns(), g->gid[i]);
		if (!uid_valid(g->gid[i])) {
			kfree(g);
			return -EINVAL;
		}
	}
	sort_gids(g->gid, g->ngroups);
	new = prepare_creds();
	if (!new) {
		kfree(g);
		return -ENOMEM;
	}
	old = new->group_info;
	new->group_info = g;
	/* current's credentials hold another reference, so this is not the last. */
	atomic_dec(&old->usage);
	return commit_creds(new);
}
