/* SPDX-License-Identifier: MIT */
/*
 * user_ns.h: user namespaces: the meaning of ids, and the reach of capabilities.
 *
 * Inside the kernel an id (kuid_t, kgid_t) is one of the initial user namespace. Ids from and for
 * programs are translated:
 *
 *      kuid = make_kuid(current_user_ns(), uid)          -1 (not uid_valid): unmapped
 *      uid = from_kuid_munged(current_user_ns(), kuid)   65534 for an unmapped id; from_kuid()
 *                                                        returns -1
 *
 * ns_capable(ns, cap) is true if current has the capability over objects that ns owns. Two cases:
 * - Current's namespace is ns or an ancestor of ns, and the capability is in current's effective
 *   set.
 * - A child of current's namespace is ns or an ancestor of ns, and current's euid created that
 *   child.
 *
 * capable(cap) tests the initial namespace.
 *
 * Invariants:
 * 1. A map is empty until it is written. It is written once, and does not change afterwards.
 * 2. A namespace's parent lives as long as the namespace.
 * 3. At most 33 levels below the initial namespace.
 *
 * Locks: maps are written under map_mutex and read without a lock (published by a release).
 */
#ifndef NESTLING_IDENT_USER_NS_H
#define NESTLING_IDENT_USER_NS_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct ns_ops;
struct user_namespace;
struct cred;
struct task;

enum ucount {
	UCOUNT_USER,
	UCOUNT_PID,
	UCOUNT_UTS,
	UCOUNT_IPC,
	UCOUNT_NET,
	UCOUNT_MNT,
	UCOUNT_CGROUP,
	UCOUNT_TIME,
	UCOUNT_INOTIFY_INSTANCES,
	UCOUNT_INOTIFY_WATCHES,
	UCOUNT_FANOTIFY_GROUPS,
	UCOUNT_FANOTIFY_MARKS,
	UCOUNTS
};

/*
 * How many namespaces of each kind, inotify instances, watches and so on a user has in a user
 * namespace. Refcounted by @usage; under ucounts_lock (user_ns.c).
 */
struct ucounts {
	struct list_head list;
	u32 usage;
	kuid_t uid;
	struct user_namespace *ns;
	u64 count[UCOUNTS];
};
/*
 * Adds one to the count of @uid in @ns, and, in each namespace above, to the count of the owner of
 * the namespace below it. Returns the counts, for ucounts_uncharge(), or ERR_PTR(): -ENOSPC (a
 * limit) or -ENOMEM. The caller keeps @ns until the uncharge. Does not sleep if @uid already has
 * counts in @ns.
 */
struct ucounts *ucounts_charge(struct user_namespace *ns, kuid_t uid, enum ucount kind);
/* Reverts ucounts_charge(). @uc may be NULL. Does not sleep. */
void ucounts_uncharge(struct ucounts *uc, enum ucount kind);

/* Every namespace begins with this struct (kernel/ident/ns.h). */
struct ns_common {
	atomic_t count;
	u32 inum;                 /* immutable */
	const struct ns_ops *ops; /* immutable */
	/* The user namespace that owns this one; a reference. Of a user namespace: its parent. */
	struct user_namespace *owner;
	struct ucounts *uc; /* NULL: an initial namespace */
};

/* @count consecutive ids: @first in the namespace is @lower in the initial namespace. */
struct id_extent {
	u32 first, lower, count;
};
/* Immutable once @nr is not 0. */
struct id_map {
	u32 nr;
	struct id_extent *ext;
};

struct user_namespace {
	struct ns_common ns;
	struct user_namespace *parent; /* ns.owner; NULL: the initial */
	u32 level;                     /* 0: the initial namespace */
	kuid_t owner;                  /* the creator's euid */
	kgid_t group;                  /* the creator's egid */
	struct id_map uid_map, gid_map, projid_map;
	bool setgroups_allowed;          /* under map_mutex */
	bool parent_could_setfcap;       /* the creator had CAP_SETFCAP */
	u64 ucount_max[UCOUNTS];         /* limits, by enum ucount */
	struct binfmt_misc *binfmt_misc; /* set once (binfmt_misc.c) */
};
extern struct user_namespace init_user_ns;

/*
 * Translate @count consecutive ids, down to the kernel's or up to the namespace's. Return the
 * first, or -1 if they are not all in one extent. No lock is needed. (That both ends are mapped is
 * not enough: there may be a hole between them.)
 */
u32 id_map_down_range(const struct id_map *map, u32 id, u32 count);
u32 id_map_up_range(const struct id_map *map, u32 kid, u32 count);

static inline u32 id_map_down(const struct id_map *map, u32 id)
{
	return id_map_down_range(map, id, 1);
}
static inline u32 id_map_up(const struct id_map *map, u32 kid)
{
	return id_map_up_range(map, kid, 1);
}

/* True unless @id, a uid or gid, is -1. */
static inline bool uid_valid(u32 id)
{
	return id != (u32)-1;
}
static inline kuid_t make_kuid(const struct user_namespace *ns, u32 uid)
{
	return likely(ns == &init_user_ns) ? uid : id_map_down(&ns->uid_map, uid);
}
static inline kgid_t make_kgid(const struct user_namespace *ns, u32 gid)
{
	return likely(ns == &init_user_ns) ? gid : id_map_down(&ns->gid_map, gid);
}
static inline u32 from_kuid(const struct user_namespace *ns, kuid_t kuid)
{
	return likely(ns == &init_user_ns) ? kuid : id_map_up(&ns->uid_map, kuid);
}
static inline u32 from_kgid(const struct user_namespace *ns, kgid_t kgid)
{
	return likely(ns == &init_user_ns) ? kgid : id_map_up(&ns->gid_map, kgid);
}
#define OVERFLOW_ID 65534
static inline u32 id_munged(u32 id)
{
	return id == (u32)-1 ? OVERFLOW_ID : id;
}
static inline u32 from_kuid_munged(const struct user_namespace *ns, kuid_t kuid)
{
	return id_munged(from_kuid(ns, kuid));
}
static inline u32 from_kgid_munged(const struct user_namespace *ns, kgid_t kgid)
{
	return id_munged(from_kgid(ns, kgid));
}
/* True if the namespace has an id for @kuid (@kgid). */
static inline bool kuid_has_mapping(const struct user_namespace *ns, kuid_t kuid)
{
	return from_kuid(ns, kuid) != (u32)-1;
}
static inline bool kgid_has_mapping(const struct user_namespace *ns, kgid_t kgid)
{
	return from_kgid(ns, kgid) != (u32)-1;
}

/*
 * get_user_ns() takes a reference and returns @ns. put_user_ns() takes NULL too, and does not
 * sleep.
 */
struct user_namespace *get_user_ns(struct user_namespace *ns);
void put_user_ns(struct user_namespace *ns);
/* True if @ns is @top or a descendant of it. */
bool in_userns(const struct user_namespace *top, const struct user_namespace *ns);
/* True if current has @cap over objects of @ns (top of this file); then sets PF_SUPERPRIV. */
bool ns_capable(struct user_namespace *ns, int cap);
/* True if a task with credentials @c has @cap over objects of @ns. Sets no flag. */
bool cred_ns_capable(const struct cred *c, const struct user_namespace *ns, int cap);
/* True if ns_capable() holds for the user namespace of @t's credentials. */
bool ns_capable_to(struct task *t, int cap);
/*
 * True if current has @cap in its user namespace and the object's two ids are mapped there. Sets
 * PF_SUPERPRIV, as does ns_capable_to().
 */
bool capable_wrt_ids(kuid_t uid, kgid_t gid, int cap);
/* True if @uid is id 0 of current's user namespace or of an ancestor. */
bool root_of_current(kuid_t uid);
/* True if setgroups(2) is allowed in @ns: its gid_map is written, and "deny" is not. May sleep. */
bool userns_may_setgroups(const struct user_namespace *ns);
/*
 * Gives @c, a copy of current's credentials, a new user namespace and all capabilities in it. Fails
 * with -EPERM if @chrooted: current's root is not the root of its mount namespace; or if the euid
 * or egid is not mapped. Returns 0, -EPERM, -ENOSPC (too many, or too deep) or -ENOMEM, with @c
 * unchanged. May sleep.
 */
int create_user_ns(struct cred *c, bool chrooted);

/*
 * Serve the files uid_map, gid_map, projid_map and setgroups in /proc/PID; user_namespaces(7) has
 * the format. userns_map_line() writes line @i of a map, with the ids that @reader sees, to @buf of
 * @size bytes. It returns the line's length, or 0 after the last line. The writing functions take
 * a terminated @text, may sleep, and return 0, -EPERM, -EINVAL or -ENOMEM.
 */
enum userns_map { USERNS_UID_MAP, USERNS_GID_MAP, USERNS_PROJID_MAP };
int userns_map_line(struct user_namespace *ns, enum userns_map which, const struct cred *reader,
	u32 i, char *buf, size_t size);
int userns_map_write(
	struct user_namespace *ns, enum userns_map which, const struct cred *opener, char *text);
int userns_setgroups_write(struct user_namespace *ns, const char *text);

/*
 * Sets the default limits of each kind in the initial namespace for a machine with @frames frames
 * of memory. At boot.
 */
void user_ns_set_limits(u64 frames);

#endif
