/* SPDX-License-Identifier: MIT */
/*
 * user_ns_map.c: the maps of a user namespace: uid_map, gid_map, projid_map and setgroups in
 * /proc/PID. Rules: user_namespaces(7), "Defining user and group ID mappings".
 *
 * A map is written once: it is parsed and checked as a whole, its ids are translated to the
 * kernel's by the parent's map, then it is published. It never changes afterwards. It is searched
 * linearly: most maps have one or two extents, none more than 340.
 *
 * Locks: map_mutex for all writers.
 */
#include "kernel/ident/internal.h"

#define MAX_EXTENTS 340 /* of a map, as on Linux */

static DEFINE_MUTEX(map_mutex);

u32 id_map_down_range(const struct id_map *map, u32 id, u32 count)
{
	u32 n = smp_load_acquire(&map->nr);

	for (u32 i = 0; i < n; i++) {
		const struct id_extent *e = &map->ext[i];
		u32 off = id - e->first;

		if (id >= e->first && off < e->count)
			return count <= e->count - off ? e->lower + off : (u32)-1;
	}
	return (u32)-1;
}

u32 id_map_up_range(const struct id_map *map, u32 kid, u32 count)
{
	u32 n = smp_load_acquire(&map->nr);

	for (u32 i = 0; i < n; i++) {
		const struct id_extent *e = &map->ext[i];
		u32 off = kid - e->lower;

		if (kid >= e->lower && off < e->count)
			return count <= e->count - off ? e->first + off : (u32)-1;
	}
	return (u32)-1;
}

static struct id_map *map_of(struct user_namespace *ns, enum userns_map which)
{
	return which == USERNS_UID_MAP ? &ns->uid_map :
	       which == USERNS_GID_MAP ? &ns->gid_map :
					 &ns->projid_map;
}

int userns_map_line(struct user_namespace *ns, enum userns_map which, const struct cred *opener,
	u32 i, char *buf, size_t size)
{
	const struct id_map *map = map_of(ns, which);
	struct user_namespace *reader = opener->user_ns;
	u32 lower;

	if (i >= smp_load_acquire(&map->nr))
		return 0;
	/* A reader in the namespace itself sees the ids of the parent. */
	if (reader == ns && ns->parent)
		reader = ns->parent;
	lower = id_map_up(map_of(reader, which), map->ext[i].lower);
	return scnprintf(
		buf, size, "%10u %10u %10u\n", map->ext[i].first, lower, map->ext[i].count);
}

/* ---- parsing ---- */

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* Reads a number. Returns a pointer to the text after it, or NULL for other text. */
static const char *parse_u32(const char *s, u32 *v)
{
	u64 n = 0;

	s = skip_blanks(s);
	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (u64)(*s - '0');
		if (n > ~0U)
			return NULL;
	}
	*v = (u32)n;
	return !*s || *s == ' ' || *s == '\t' || *s == '\n' ? s : NULL;
}

/* True if @x has an id in common with one of the @n extents, on either side. */
static bool overlaps(const struct id_extent *e, u32 n, const struct id_extent *x)
{
	for (u32 i = 0; i < n; i++) {
		if (e[i].first <= x->first + x->count - 1 &&
			x->first <= e[i].first + e[i].count - 1)
			return true;
		if (e[i].lower <= x->lower + x->count - 1 &&
			x->lower <= e[i].lower + e[i].count - 1)
			return true;
	}
	return false;
}

/*
 * Parses a map into @ext, which has room for MAX_EXTENTS. Returns the number of extents (1 or
 * more), or -EINVAL.
 */
static int parse_map(const char *s, struct id_extent *ext)
{
	u32 n = 0;

	while (*s) {
		struct id_extent *x = &ext[n];

		if (n == MAX_EXTENTS)
			return -EINVAL;
		s = parse_u32(s, &x->first);
		s = s ? parse_u32(s, &x->lower) : NULL;
		s = s ? parse_u32(s, &x->count) : NULL;
		if (!s)
			return -EINVAL;
		s = skip_blanks(s);
		if (*s && *s++ != '\n')
			return -EINVAL;
		if (x->first == ~0U || x->lower == ~0U || !x->count ||
			x->first + x->count <= x->first || x->lower + x->count <= x->lower ||
			overlaps(ext, n, x))
			return -EINVAL;
		n++;
	}
	return n ? (int)n : -EINVAL;
}

/* ---- permission ---- */

/*
 * True if @opener may map id 0 of the parent, since file capabilities are tied to the root id. An
 * opener in the parent needs CAP_SETFCAP there. For an opener in @ns, the creator of @ns must have
 * had that capability.
 */
static bool root_map_allowed(
	const struct cred *opener, struct user_namespace *ns, const struct id_extent *ext, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (ext[i].lower)
			continue;
		if (opener->user_ns == ns)
			return ns->parent_could_setfcap;
		return cred_ns_capable(opener, ns->parent, CAP_SETFCAP);
	}
	return true;
}

/* True if the opener and the writer may set this map (user_namespaces(7)). map_mutex is held. */
static bool map_allowed(const struct cred *opener, struct user_namespace *ns, enum userns_map which,
	const struct id_extent *ext, u32 n)
{
	int cap = which == USERNS_UID_MAP ? CAP_SETUID : CAP_SETGID;

	if (which == USERNS_UID_MAP && !root_map_allowed(opener, ns, ext, n))
		return false;
	if (n == 1 && ext[0].count == 1 && ns->owner == opener->euid) {
		if (which == USERNS_UID_MAP && make_kuid(ns->parent, ext[0].lower) == opener->euid)
			return true;
		if (which == USERNS_GID_MAP && !ns->setgroups_allowed &&
			make_kgid(ns->parent, ext[0].lower) == opener->egid)
			return true;
	}
	if (which == USERNS_PROJID_MAP)
		return true;
	return ns_capable(ns->parent, cap) && cred_ns_capable(opener, ns->parent, cap);
}

/*
 * Translates the parent's ids in @ext to the kernel's: each extent must lie within an extent of the
 * parent's map. Returns 0 or -EPERM.
 */
static int lower_map(struct user_namespace *up, enum userns_map which, struct id_extent *ext, u32 n)
{
	const struct id_map *map = map_of(up, which);

	for (u32 i = 0; i < n; i++) {
		u32 first = id_map_down_range(map, ext[i].lower, ext[i].count);

		if (first == (u32)-1)
			return -EPERM;
		ext[i].lower = first;
	}
	return 0;
}

int userns_map_write(
	struct user_namespace *ns, enum userns_map which, const struct cred *opener, char *text)
{
	struct id_map *map = map_of(ns, which);
	const struct user_namespace *from = opener->user_ns;
	struct id_extent *ext;
	int n, err;

	if (!ns->parent || (from != ns && from != ns->parent))
		return -EPERM;
	ext = kmalloc(MAX_EXTENTS * sizeof(*ext), GFP_KERNEL);
	if (!ext)
		return -ENOMEM;
	mutex_lock(&map_mutex);
	err = -EPERM;
	if (map->nr || (which != USERNS_PROJID_MAP && !cred_ns_capable(opener, ns, CAP_SYS_ADMIN)))
		goto out;
	n = parse_map(text, ext);
	err = n;
	if (n < 0)
		goto out;
	err = -EPERM;
	if (!map_allowed(opener, ns, which, ext, (u32)n))
		goto out;
	err = lower_map(ns->parent, which, ext, (u32)n);
	if (err)
		goto out;
	map->ext = ext;
	smp_store_release(&map->nr, (u32)n);
	arch_answers_revoke();
	ext = NULL;
out:
	mutex_unlock(&map_mutex);
	kfree(ext);
	return err;
}

/* ---- setgroups ---- */

bool userns_may_setgroups(const struct user_namespace *ns)
{
	bool may;

	mutex_lock(&map_mutex);
	may = ns->gid_map.nr && ns->setgroups_allowed;
	mutex_unlock(&map_mutex);
	return may;
}

int userns_setgroups_write(struct user_namespace *ns, const char *text)
{
	size_t n = strcspn(text, " \t\n");
	bool allow;
	int err = 0;

	if (n == 5 && !memcmp(text, "allow", 5))
		allow = true;
	else if (n == 4 && !memcmp(text, "deny", 4))
		allow = false;
	else
		return -EINVAL;
	mutex_lock(&map_mutex);
	if (allow ? !ns->setgroups_allowed : ns->gid_map.nr != 0)
		err = -EPERM;
	else
		ns->setgroups_allowed = allow;
	mutex_unlock(&map_mutex);
	return err;
}
