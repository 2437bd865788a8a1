/* SPDX-License-Identifier: MIT */
/*
 * exec_cred.c: the credentials of a process after exec: set-user-id and set-group-id bits, file
 * capabilities, and the rights of root. The rules are those of capabilities(7), "Transformation of
 * capabilities during execve()".
 *
 * No privilege is gained on a nosuid mount, with no_new_privs, or while a tracer or a shared
 * fs_struct could misuse it.
 */
#include <linux/mount.h>
#include <linux/personality.h>
#include <linux/securebits.h>
#include <linux/xattr.h>

#include "kernel/task/exec/exec.h"
#include "kernel/vfs/super.h"

#define PER_CLEAR_SETID (READ_IMPLIES_EXEC_BIT | ADDR_NO_RANDOMIZE_BIT | 0x0100000 | 0x0200000)

struct file_caps {
	bool present, effective;
	u64 permitted, inheritable;
};

static u64 join(__le32 low, __le32 high)
{
	return (((u64)high << 32) | low) & CAP_FULL;
}

static struct user_namespace *file_user_ns(const struct inode *inode)
{
	return inode->i_sb->s_user_ns ? inode->i_sb->s_user_ns : &init_user_ns;
}

/*
 * Reads the file's capabilities attribute, whose content is not trusted. Returns 0, also if the
 * file has no such attribute, or -errno such as -EPERM or -EINVAL.
 */
static int read_file_caps(const struct file *f, struct file_caps *fc)
{
	struct inode *inode = f->f_inode;
	struct vfs_ns_cap_data d;
	u32 rootid = 0;
	ssize_t n;

	memset(fc, 0, sizeof(*fc));
	if (!inode->i_op || !inode->i_op->getxattr)
		return 0;
	memset(&d, 0, sizeof(d));
	n = inode->i_op->getxattr(inode, XATTR_NAME_CAPS, &d, sizeof(d));
	/* -EOVERFLOW: the attribute of a file in an overlay is for another user namespace. */
	if (n == -ENODATA || n == -EOPNOTSUPP || n == -EOVERFLOW)
		return 0;
	if (n < 0)
		return (int)n;
	switch (d.magic_etc & VFS_CAP_REVISION_MASK) {
	case VFS_CAP_REVISION_1:
		if (n != XATTR_CAPS_SZ_1)
			return -EINVAL;
		d.data[1].permitted = d.data[1].inheritable = 0;
		break;
	case VFS_CAP_REVISION_2:
		if (n != XATTR_CAPS_SZ_2)
			return -EINVAL;
		break;
	case VFS_CAP_REVISION_3:
		if (n != XATTR_CAPS_SZ_3)
			return -EINVAL;
		rootid = d.rootid;
		break;
	default: return -EINVAL;
	}
	/* An attribute for the root of another user namespace is ignored. */
	if (!root_of_current(file_seen_uid(f, make_kuid(file_user_ns(inode), rootid))))
		return 0;
	fc->present = true;
	fc->effective = d.magic_etc & VFS_CAP_FLAGS_EFFECTIVE;
	fc->permitted = join(d.data[0].permitted, d.data[1].permitted);
	fc->inheritable = join(d.data[0].inheritable, d.data[1].inheritable);
	return 0;
}

/*
 * Returns the file whose set-id bits count: the program's, or with flag C of binfmt_misc the file
 * that the interpreter runs.
 */
static const struct file *file_of(const struct bprm *b)
{
	return b->its_creds ? b->executable : b->file;
}

static bool may_suid(const struct bprm *b)
{
	return !(file_of(b)->f_path.mnt->mnt_flags & MS_NOSUID) &&
	       !(file_of(b)->f_inode->i_sb->s_flags & SB_NOSUID) &&
	       mnt_in_current_ns(file_of(b)->f_path.mnt) &&
	       in_userns(file_user_ns(file_of(b)->f_inode), current_user_ns());
}

/*
 * Reads owner, mode and the right to execute in one step. Returns true if current may execute the
 * file. Owner and mode may have changed since the file was opened: the file may have become set-id
 * for another user, and no longer executable for the caller.
 */
static bool setid_now(const struct file *f, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	struct inode *inode = f->f_inode;
	int err;

	down_read(&inode->i_rwsem);
	*mode = inode->i_mode;
	*uid = file_seen_uid(f, inode->i_uid);
	*gid = file_seen_gid(f, inode->i_gid);
	err = path_permission(&f->f_path, MAY_EXEC);
	up_read(&inode->i_rwsem);
	return !err;
}

/* Changes the IDs of b->cred, which no task uses yet, if the file has set-ID bits that apply. */
static void apply_setid_bits(struct bprm *b)
{
	const struct file *f = file_of(b);
	umode_t mode = READ_ONCE(f->f_inode->i_mode);
	kuid_t uid;
	kgid_t gid;

	if (likely(!(mode & (S_ISUID | S_ISGID))) || !may_suid(b) || current->no_new_privs)
		return;
	if (!setid_now(f, &mode, &uid, &gid))
		return;
	/* Owner and group must be mapped in current's user namespace. */
	if (!kuid_has_mapping(current_user_ns(), uid) || !kgid_has_mapping(current_user_ns(), gid))
		return;
	if (mode & S_ISUID) {
		b->per_clear |= PER_CLEAR_SETID;
		b->cred->euid = uid;
	}
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) {
		b->per_clear |= PER_CLEAR_SETID;
		b->cred->egid = gid;
	}
}

/*
 * Computes the new capabilities: P'(permitted) = (P(inheritable) & F(inheritable)) | (F(permitted)
 * & P(bounding)). Unless SECBIT_NOROOT is set, a program run by root, or set-user-id-root, has all
 * capabilities in its file sets. Returns 0 or -errno, -EPERM if the effective flag is set but a
 * permitted capability is withheld.
 */
static int transform_caps(struct bprm *b, bool *effective, bool *has_fcap)
{
	struct cred *new = b->cred;
	kuid_t root = make_kuid(new->user_ns, 0);
	struct file_caps fc = { 0 };
	int err;

	if (may_suid(b)) {
		err = read_file_caps(file_of(b), &fc);
		if (err == -EINVAL)
			pr_notice("%s: invalid capabilities on a file, not used\n", b->filename);
		else if (err)
			return err;
	}
	*has_fcap = fc.present;
	*effective = fc.effective;
	new->cap_permitted = (new->cap_bset &fc.permitted) | (new->cap_inheritable &fc.inheritable);
	/* A program with the effective flag does not check for capabilities that it lacks. */
	if (fc.effective && (fc.permitted & ~new->cap_permitted))
		return -EPERM;
	if (new->securebits & issecure_mask(SECURE_NOROOT))
		return 0;
	/* A set-user-id-root program with file capabilities gets only these. */
	if (fc.present && new->uid != root &&new->euid == root)
		return 0;
	if (new->euid == root || new->uid == root)
		new->cap_permitted = new->cap_bset | new->cap_inheritable;
	if (new->euid == root)
		*effective = true;
	return 0;
}

int bprm_creds(struct bprm *b)
{
	const struct cred *old = current_cred();
	struct cred *new = b->cred;
	bool effective, has_fcap, setid;
	int err;

	apply_setid_bits(b);
	err = transform_caps(b, &effective, &has_fcap);
	if (err)
		return err;
	setid = new->euid != old->uid || new->egid != old->gid;
	if ((setid || !cap_issubset(new->cap_permitted, old->cap_permitted)) && b->unsafe) {
		if ((b->unsafe & UNSAFE_NO_NEW_PRIVS) || !ns_capable(new->user_ns, CAP_SETUID)) {
			new->euid = new->uid;
			new->egid = new->gid;
		}
		new->cap_permitted &= old->cap_permitted;
	}
	new->suid = new->fsuid = new->euid;
	new->sgid = new->fsgid = new->egid;
	if (has_fcap || setid)
		new->cap_ambient = 0;
	new->cap_permitted |= new->cap_ambient;
	new->cap_effective = effective ? new->cap_permitted : new->cap_ambient;
	new->securebits &= ~(u32)issecure_mask(SECURE_KEEP_CAPS);
	b->secure = setid || /* or, with unchanged ids: */
		    (new->uid != make_kuid(new->user_ns, 0) &&
			    (effective || !cap_issubset(new->cap_permitted, new->cap_ambient)));
	return 0;
}

/*
 * Sets nondump and dump_ns if current may not read @f. This prevents the root of a user namespace
 * from reading, through the memory, a program that it may not read as a file.
 */
void bprm_note_reading(struct bprm *b, struct file *f)
{
	struct user_namespace *ns = b->dump_ns ? b->dump_ns : current_user_ns();
	kuid_t uid = file_seen_uid(f, f->f_inode->i_uid);
	kgid_t gid = file_seen_gid(f, f->f_inode->i_gid);

	if (!path_permission(&f->f_path, MAY_READ))
		return;
	while (ns->parent && !(kuid_has_mapping(ns, uid) && kgid_has_mapping(ns, gid)))
		ns = ns->parent;
	b->nondump = true;
	b->dump_ns = ns;
}
