/* SPDX-License-Identifier: MIT */
/*
 * keyrings.c: the links of keyrings, the possession of keys, and the keyrings of processes.
 *
 *	thread keyring             task->thread_keyring
 *	process, session keyring   in task->signal; fork shares the session keyring, exec drops
 *	                           the thread and process keyrings
 *	_uid.N, _uid_ses.N         belong to a uid
 *
 * A task possesses a key if its own keyrings lead to the key through links, and if the rights of
 * possessors allow it to search these keyrings and the key.
 *
 * Locks: keys_mutex (keys.h) for everything. A keyring may be linked a thousand times. Therefore a
 * walk marks the keyrings that it has visited (nr_walks), and visits at most the number of links
 * times the depth.
 */
#include <linux/keyctl.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/task/keys/keys.h"

#define MAX_DEPTH 6
#define MAX_LINKS 65536U

static u64 nr_walks; /* under keys_mutex */

/* ---- links ---- */

int key_alive(struct key *k)
{
	if (k->invalid)
		return -ENOKEY;
	if (k->revoked)
		return -EKEYREVOKED;
	if (k->expiry && ktime_get() >= k->expiry)
		return -EKEYEXPIRED;
	return k->rejected;
}

struct key *keyring_find(struct key *ring, enum key_type type, const char *desc)
{
	for (u32 i = 0; i < ring->nr; i++)
		if (ring->links[i]->type == type && !strcmp(ring->links[i]->desc, desc))
			return ring->links[i];
	return NULL;
}

/*
 * True if this walk has visited @ring already, at this depth or nearer to the walk's start.
 * Otherwise marks @ring as visited.
 */
static bool been_at(struct key *ring, u64 walk, u32 depth)
{
	if (ring->seen == walk && ring->seen_at <= depth)
		return true;
	ring->seen = walk;
	ring->seen_at = depth;
	return false;
}

/*
 * True if @k is reachable from @ring, even through expired or revoked keyrings, which hold
 * references too.
 */
static bool leads_to_below(struct key *ring, struct key *k, u64 walk, u32 depth)
{
	if (been_at(ring, walk, depth))
		return false;
	for (u32 i = 0; i < ring->nr; i++) {
		struct key *l = ring->links[i];

		if (l == k)
			return true;
		if (l->type == KEY_KEYRING && depth < MAX_DEPTH &&
			leads_to_below(l, k, walk, depth + 1))
			return true;
	}
	return false;
}

static bool leads_to(struct key *ring, struct key *k)
{
	return leads_to_below(ring, k, ++nr_walks, 0);
}

/*
 * True if a keyring is more than MAX_DEPTH levels below @ring. The walk visits a keyring again if
 * it finds it again at a greater depth.
 */
static bool too_deep(struct key *ring, u64 walk, u32 depth)
{
	if (depth > MAX_DEPTH)
		return true;
	if (ring->seen == walk && ring->seen_at >= depth)
		return false;
	ring->seen = walk;
	ring->seen_at = depth;
	for (u32 i = 0; i < ring->nr; i++)
		if (ring->links[i]->type == KEY_KEYRING &&
			too_deep(ring->links[i], walk, depth + 1))
			return true;
	return false;
}

static void drop_link(struct key *ring, u32 i)
{
	struct key *k = ring->links[i];

	ring->links[i] = ring->links[--ring->nr];
	key_put(k);
}

/* Makes room for one more link. keys_mutex is held. Returns 0, -ENFILE, -EDQUOT or -ENOMEM. */
static int make_room(struct key *ring)
{
	u32 room = ring->room ? 2 * ring->room : 8;
	struct key **links;

	if (ring->nr < ring->room)
		return 0;
	if (room > MAX_LINKS)
		return -ENFILE;
	if (!key_may_pay(ring->payer, 0, (room - ring->room) * (u32)sizeof(*links)))
		return -EDQUOT;
	links = kmalloc(room * sizeof(*links), GFP_KERNEL);
	if (!links)
		return -ENOMEM;
	memcpy(links, ring->links, ring->nr * sizeof(*links));
	kfree(ring->links);
	__atomic_add_fetch(
		&ring->payer->bytes, (room - ring->room) * sizeof(*links), __ATOMIC_RELAXED);
	ring->charged += (room - ring->room) * (u32)sizeof(*links);
	ring->links = links;
	ring->room = room;
	return 0;
}

int keyring_link(struct key *ring, struct key *k)
{
	struct key *same;
	int err;

	if (ring->type != KEY_KEYRING)
		return -ENOTDIR;
	if (ring->restricted)
		return -EPERM;
	if (k->type == KEY_KEYRING) {
		if (k == ring || leads_to(k, ring))
			return -EDEADLK;
		if (too_deep(k, ++nr_walks, 0))
			return -ELOOP;
	}
	err = make_room(ring);
	if (err)
		return err;
	same = keyring_find(ring, k->type, k->desc);
	key_get(k);
	if (same)
		keyring_unlink(ring, same);
	ring->links[ring->nr++] = k;
	return 0;
}

int keyring_unlink(struct key *ring, struct key *k)
{
	if (ring->type != KEY_KEYRING)
		return -ENOTDIR;
	for (u32 i = 0; i < ring->nr; i++)
		if (ring->links[i] == k) {
			drop_link(ring, i);
			return 0;
		}
	return -ENOENT;
}

void keyring_clear(struct key *ring)
{
	while (ring->nr)
		drop_link(ring, ring->nr - 1);
}

/*
 * Fills in the keyrings by which current possesses keys: those of the thread, the process and the
 * session. An entry is NULL or ERR_PTR if the keyring does not exist.
 */
#define NR_OWN 3
static void own_rings(struct key **rings);

bool key_may_as(const struct key *k, u32 need, bool possessed)
{
	u32 bits = k->perm;

	if (k->uid == current_fsuid())
		bits >>= 16;
	else if (k->gid == current_fsgid() || in_group(k->gid))
		bits >>= 8;
	if (possessed)
		bits |= k->perm >> 24;
	return (bits & need) == need;
}

/* The conditions of a search. */
struct search {
	enum key_type type;
	const char *desc;
	u64 walk;
	/*
	 * True if current possesses the keyring where the search begins, and so every key below
	 * that keyring.
	 */
	bool possessed;
	bool skip_expired; /* expired keys count as missing */
};

/*
 * Searches @ring and the keyrings below it. keys_mutex is held. Returns the key without a
 * reference, or ERR_PTR: -ENOKEY, or why a key is unusable.
 */
static struct key *search_below(struct key *ring, const struct search *s, u32 depth)
{
	struct key *worst = ERR_PTR(-ENOKEY), *k;
	int err;

	if (been_at(ring, s->walk, depth))
		return worst;
	k = keyring_find(ring, s->type, s->desc);
	if (k) {
		err = key_alive(k);
		if (!err && !key_may_as(k, KEY_SEARCH, s->possessed))
			err = -EACCES;
		if (!err)
			return k;
		if (err != -EKEYEXPIRED || !s->skip_expired)
			worst = ERR_PTR(err);
	}
	for (u32 i = 0; i < ring->nr && depth < MAX_DEPTH; i++) {
		k = ring->links[i];
		if (k->type != KEY_KEYRING || key_alive(k) ||
			!key_may_as(k, KEY_SEARCH, s->possessed))
			continue;
		k = search_below(k, s, depth + 1);
		if (!IS_ERR(k))
			return k;
		if (PTR_ERR(k) != -ENOKEY)
			worst = k;
	}
	return worst;
}

/* Does the work of keyring_search(). @skip_expired: an expired key counts as missing. */
static struct key *search_ring(
	struct key *ring, enum key_type type, const char *desc, bool possessed, bool skip_expired)
{
	struct search s = { .type = type,
		.desc = desc,
		.walk = ++nr_walks,
		.possessed = possessed,
		.skip_expired = skip_expired };
	struct key *k = search_below(ring, &s, 0);

	if (!IS_ERR(k))
		key_get(k);
	return k;
}

struct key *keyring_search(struct key *ring, enum key_type type, const char *desc, bool possessed)
{
	return search_ring(ring, type, desc, possessed, false);
}

/* ---- the keyrings of a process ---- */

static struct key *make_ring(const char *name, u32 perm, struct key **where)
{
	struct key *k = key_alloc(KEY_KEYRING, name, perm);

	if (!IS_ERR(k))
		*where = k;
	return k;
}

/*
 * Returns _uid.N or _uid_ses.N of current's user, which is made if it is missing, or ERR_PTR. A new
 * _uid_ses.N links _uid.N.
 */
static struct key *uid_ring(bool session)
{
	const u32 perm = KEY_POS(KEY_ALL & ~KEY_SETATTR) | KEY_USR(KEY_ALL);
	struct key_user *u = key_payer(current_uid());
	struct key *k;
	char name[32];
	int err;

	if (!u)
		return ERR_PTR(-EDQUOT);
	scnprintf(name, sizeof(name), "_uid.%u", u->uid);
	k = u->ring ? u->ring : make_ring(name, perm, &u->ring);
	if (IS_ERR(k) || !session || u->session)
		return IS_ERR(k) || !session ? k : u->session;
	scnprintf(name, sizeof(name), "_uid_ses.%u", u->uid);
	k = make_ring(name, perm, &u->session);
	if (IS_ERR(k))
		return k;
	err = keyring_link(k, u->ring);
	if (err) {
		u->session = NULL;
		key_put(k);
		return ERR_PTR(err);
	}
	return k;
}

static struct key *session_or_uid(void)
{
	struct key *k = current->signal->session_keyring;

	return k ? k : uid_ring(true);
}

static void own_rings(struct key **rings)
{
	rings[0] = current->thread_keyring;
	rings[1] = current->signal->process_keyring;
	rings[2] = session_or_uid();
}

struct key *keys_search(enum key_type type, const char *desc)
{
	struct key *rings[NR_OWN], *failed = NULL, *k;

	own_rings(rings);
	for (u32 i = 0; i < NR_OWN; i++) {
		if (IS_ERR_OR_NULL(rings[i]) || key_alive(rings[i]))
			continue;
		k = key_may_as(rings[i], KEY_SEARCH, true) ?
			    search_ring(rings[i], type, desc, true, true) :
			    ERR_PTR(-EACCES);
		if (!IS_ERR(k))
			return k;
		/* -ENOKEY takes precedence over the error of an unusable key. */
		if (!failed || PTR_ERR(k) == -ENOKEY)
			failed = k;
	}
	return failed ? failed : ERR_PTR(-ENOKEY);
}

/*
 * True if @k is reachable from @ring, a possessed keyring, through keyrings that possessors may
 * search.
 */
static bool possesses_below(struct key *ring, const struct key *k, u64 walk, u32 depth)
{
	if (been_at(ring, walk, depth))
		return false;
	for (u32 i = 0; i < ring->nr; i++) {
		struct key *l = ring->links[i];

		if (l == k)
			return true;
		if (l->type == KEY_KEYRING && depth < MAX_DEPTH && !key_alive(l) &&
			key_may_as(l, KEY_SEARCH, true) && possesses_below(l, k, walk, depth + 1))
			return true;
	}
	return false;
}

bool key_possessed(const struct key *k)
{
	struct key *rings[NR_OWN];
	u64 walk = ++nr_walks;

	if (!key_may_as(k, KEY_SEARCH, true))
		return false;
	own_rings(rings);
	for (u32 i = 0; i < NR_OWN; i++)
		if (!IS_ERR_OR_NULL(rings[i]) && key_may_as(rings[i], KEY_SEARCH, true) &&
			(rings[i] == k || possesses_below(rings[i], k, walk, 0)))
			return true;
	return false;
}

bool key_possessed_by(s32 id, const struct key *k)
{
	return id < 0 || key_possessed(k);
}

bool key_may(const struct key *k, u32 need)
{
	return key_may_as(k, need, false) || key_may_as(k, need, key_possessed(k));
}

struct key *join_session(const char *name)
{
	const u32 perm = KEY_POS(KEY_ALL) | KEY_USR(KEY_VIEW | KEY_READ | (name ? KEY_LINK : 0));
	struct key **slot = &current->signal->session_keyring, *k = NULL, *old = *slot;

	if (name)
		k = key_find_ring(name);
	if (!k)
		k = key_alloc(KEY_KEYRING, name ? name : "_ses", perm);
	if (IS_ERR(k))
		return k;
	*slot = k;
	key_put(old);
	return k;
}

/* True if @parent has one thread, whose ids are all equal to current's effective ids. */
static bool is_like_us(struct task *parent)
{
	const struct cred *me = current_cred(), *c = get_task_cred(parent);
	bool alike = c->uid == me->euid && c->euid == me->euid && c->suid == me->euid &&
		     c->gid == me->egid && c->egid == me->egid && c->sgid == me->egid;

	put_cred(c);
	return alike && thread_group_empty(parent);
}

/*
 * Makes current's session keyring the session keyring of the parent process. This happens at once;
 * Linux waits until the parent returns to user mode. A parent in a call on keys sees the old or the
 * new keyring, because of keys_mutex. Returns 0 or -errno.
 */
long session_to_parent(void)
{
	struct key *k = session_or_uid(), *old;
	struct task *parent;
	struct key **slot;
	long err = -EPERM;

	if (IS_ERR_OR_NULL(k))
		return k ? PTR_ERR(k) : -ENOKEY;
	if (!key_may(k, KEY_LINK))
		return -EACCES;
	read_lock(&tasklist_lock);
	parent = current->real_parent;
	get_task(parent);
	read_unlock(&tasklist_lock);
	slot = &parent->signal->session_keyring;
	old = *slot;
	if (old == k) {
		err = 0;
	} else if (parent->mm && parent->tgid > 1 && is_like_us(parent) &&
		   (!old || old->uid == current_euid()) && k->uid == current_euid()) {
		key_get(k);
		*slot = k;
		key_put(old);
		err = 0;
	}
	put_task(parent);
	return err;
}

/*
 * Returns the keyring with the special (negative) @id, without a new reference, or ERR_PTR: -ENOKEY
 * if it does not exist and @create is false. keys_mutex is held.
 */
static struct key *special_ring(s32 id, bool create)
{
	struct key **slot;

	switch (id) {
	case KEY_SPEC_THREAD_KEYRING: slot = &current->thread_keyring; break;
	case KEY_SPEC_PROCESS_KEYRING: slot = &current->signal->process_keyring; break;
	case KEY_SPEC_SESSION_KEYRING:
		if (!current->signal->session_keyring && create)
			return join_session(NULL);
		return session_or_uid();
	case KEY_SPEC_USER_KEYRING: return uid_ring(false);
	case KEY_SPEC_USER_SESSION_KEYRING: return uid_ring(true);
	case KEY_SPEC_REQKEY_AUTH_KEY:
	case KEY_SPEC_REQUESTOR_KEYRING: return ERR_PTR(-ENOKEY);
	default: return ERR_PTR(-EINVAL);
	}
	if (!*slot && !create)
		return ERR_PTR(-ENOKEY);
	if (*slot)
		return *slot;
	return make_ring(id == KEY_SPEC_THREAD_KEYRING ? "_tid" : "_pid",
		KEY_POS(KEY_ALL) | KEY_USR(KEY_VIEW), slot);
}

/*
 * Returns the key of this serial number or KEY_SPEC_* constant with a reference, or ERR_PTR.
 * keys_mutex is held.
 */
static struct key *named(s32 id, bool create)
{
	struct key *k;

	if (id > 0) {
		k = key_find(id);
		return k ? k : ERR_PTR(-ENOKEY);
	}
	k = special_ring(id, create);
	if (!IS_ERR(k))
		key_get(k);
	return k;
}

struct key *key_lookup_dead(s32 id)
{
	return named(id, false);
}

struct key *key_lookup(s32 id, bool create, u32 need)
{
	struct key *k = named(id, create);
	int err;

	if (IS_ERR(k))
		return k;
	err = key_alive(k);
	if (!err && need && !key_may_as(k, need, id < 0) && !key_may(k, need))
		err = -EACCES;
	if (!err)
		return k;
	key_put(k);
	return ERR_PTR(err);
}

/* ---- fork, exec and exit ---- */

void keys_fork(struct signal_struct *sig, struct signal_struct *old)
{
	if (!READ_ONCE(old->session_keyring))
		return;
	mutex_lock(&keys_mutex);
	sig->session_keyring = old->session_keyring;
	if (sig->session_keyring)
		key_get(sig->session_keyring);
	mutex_unlock(&keys_mutex);
}

void keys_exec(struct task *t)
{
	struct key *thread = t->thread_keyring, *process = t->signal->process_keyring;

	t->thread_keyring = t->signal->process_keyring = NULL;
	key_put(thread);
	key_put(process);
}

void keys_exit_signal(struct signal_struct *sig)
{
	key_put(sig->session_keyring);
	key_put(sig->process_keyring);
}

void keys_exit_task(struct task *t)
{
	key_put(t->thread_keyring);
	t->thread_keyring = NULL;
}
