/* SPDX-License-Identifier: MIT */
/*
 * idmap.c: id-mapped mounts (idmap.h): translates ids, and checks the rights needed to make such a
 * mount.
 */
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/mount/mount.h"

/* ---- ids ---- */

kuid_t idmap_uid(const struct user_namespace *map, const struct super_block *sb, kuid_t kept)
{
	u32 id = from_kuid(sb_user_ns(sb), kept);

	return uid_valid(id) ? make_kuid(map, id) : id;
}

kgid_t idmap_gid(const struct user_namespace *map, const struct super_block *sb, kgid_t kept)
{
	u32 id = from_kgid(sb_user_ns(sb), kept);

	return uid_valid(id) ? make_kgid(map, id) : id;
}

kuid_t idmap_kept_uid(const struct user_namespace *map, const struct super_block *sb, kuid_t seen)
{
	u32 id = from_kuid(map, seen);

	return uid_valid(id) ? make_kuid(sb_user_ns(sb), id) : id;
}

kgid_t idmap_kept_gid(const struct user_namespace *map, const struct super_block *sb, kgid_t seen)
{
	u32 id = from_kgid(map, seen);

	return uid_valid(id) ? make_kgid(sb_user_ns(sb), id) : id;
}

/* ---- checks ---- */

int path_permission(const struct path *p, int mask)
{
	struct user_namespace *was = idmap_enter(p->mnt);
	int err = inode_permission(p->dentry->d_inode, mask);

	idmap_leave(was);
	return err;
}

bool path_owner_or_capable(const struct path *p)
{
	struct user_namespace *was = idmap_enter(p->mnt);
	bool yes = inode_owner_or_capable(p->dentry->d_inode);

	idmap_leave(was);
	return yes;
}

struct user_namespace *mnt_enter(const struct mount *m)
{
	return idmap_enter(m);
}

void mnt_leave(struct user_namespace *was)
{
	idmap_leave(was);
}

kuid_t mnt_seen_uid(const struct mount *m, kuid_t kept)
{
	return likely(!m->mnt_idmap) ? kept : idmap_uid(m->mnt_idmap, m->mnt_sb, kept);
}

kgid_t mnt_seen_gid(const struct mount *m, kgid_t kept)
{
	return likely(!m->mnt_idmap) ? kept : idmap_gid(m->mnt_idmap, m->mnt_sb, kept);
}

kuid_t file_seen_uid(const struct file *f, kuid_t kept)
{
	return mnt_seen_uid(f->f_path.mnt, kept);
}

kgid_t file_seen_gid(const struct file *f, kgid_t kept)
{
	return mnt_seen_gid(f->f_path.mnt, kept);
}

/* ---- making an id-mapped mount ---- */

struct user_namespace *idmap_of_fd(u64 fd)
{
	struct user_namespace *map = ERR_PTR(-EINVAL);
	struct ns_common *ns;
	struct fd f;

	if (fd >> 31)
		return map;
	f = fdget((int)fd);
	if (!f.file)
		return ERR_PTR(-EBADF);
	ns = inode_ns(f.file->f_inode);
	if (ns && ns->ops->flag == CLONE_NEWUSER) {
		map = container_of(ns, struct user_namespace, ns);
		if (map == &init_user_ns || !ns_capable(map, CAP_SYS_ADMIN))
			map = ERR_PTR(-EPERM);
		else if (!smp_load_acquire(&map->uid_map.nr) || !smp_load_acquire(&map->gid_map.nr))
			/* The map is empty and will map no id. */
			map = ERR_PTR(-EINVAL);
		else
			get_user_ns(map);
	}
	fdput(f);
	return map;
}

int may_idmap(const struct mount *m, const struct user_namespace *map)
{
	struct user_namespace *owner = sb_user_ns(m->mnt_sb);

	if (map == owner)
		return -EINVAL;
	if (m->mnt_idmap)
		return -EPERM;
	if (!(m->mnt_sb->s_type->fs_flags & FS_ALLOW_IDMAP))
		return -EINVAL;
	if (!ns_capable(owner, CAP_SYS_ADMIN))
		return -EPERM;
	if (!m->mnt_ns->detached) /* other tasks may use an attached mount */
		return -EINVAL;
	return __atomic_load_n(&m->mnt_writers.v, __ATOMIC_SEQ_CST) ? -EBUSY : 0;
}
