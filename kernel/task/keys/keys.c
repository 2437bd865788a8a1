/* SPDX-License-Identifier: MIT */
/*
 * keys.c: keys as objects: descriptions and serial numbers, refcounts, quotas, and the files in
 * /proc. Keyrings are in keyrings.c.
 *
 * Locks: keys_mutex (keys.h). table_lock, taken inside it, protects the table of serial numbers.
 * Each uid pays for its keys (struct key_user), and the number of uids that ever had keys is
 * limited. Keys are freed in a loop without recursion, however deep keyrings nest. Not implemented:
 * types that a user-space helper fills (request_key upcalls), persistent keyrings, restrictions by
 * a type.
 */
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/sysctl.h"
#include "kernel/task/keys/keys.h"

#define TABLE_SIZE 256
#define SECOND 1000000000UL
#define MAX_PAYERS 4096
#define LIMIT_MAX 0x7fffffff /* maximum for a limit */

static int user_keys = 200, user_bytes = 20000, root_keys = 1000000, root_bytes = 25000000;
/* kernel.keys.gc_delay, without effect: an unreferenced key is freed at once. */
static int gc_delay = 300;

DEFINE_MUTEX(keys_mutex);
static DEFINE_SPINLOCK(table_lock);
static struct hlist_head table[TABLE_SIZE];
static LIST_HEAD(payers); /* under keys_mutex */
static u32 nr_payers;
static s32 next_serial = 0x1000000;

static const char *const type_names[NR_KEY_TYPES] = { "keyring", "user", "logon", "big_key" };

const char *key_type_name(enum key_type type)
{
	return type_names[type];
}

int key_type_of(const char *name)
{
	for (int i = 0; i < NR_KEY_TYPES; i++)
		if (!strcmp(name, type_names[i]))
			return i;
	return -ENODEV;
}

/* ---- references ---- */

void key_get(struct key *k)
{
	atomic_inc(&k->refs);
}

/*
 * Frees @k, and drops its references to the keys that it links to. Keys that lost their last
 * reference are added to the front of the list @dead. Returns the list.
 */
static struct key *key_free(struct key *k, struct key *dead)
{
	spin_lock(&table_lock);
	hlist_del_init(&k->hash);
	spin_unlock(&table_lock);
	__atomic_sub_fetch(&k->payer->bytes, k->charged, __ATOMIC_RELAXED);
	/* The last access to the payer, which another task may free afterwards. */
	atomic_dec(&k->payer->keys);
	for (u32 i = 0; i < k->nr; i++)
		if (atomic_dec_and_test(&k->links[i]->refs)) {
			k->links[i]->next_dead = dead;
			dead = k->links[i];
		}
	kfree(k->links);
	kfree(k->data);
	kfree(k->desc);
	kfree(k);
	return dead;
}

void key_put(struct key *k)
{
	if (!k || !atomic_dec_and_test(&k->refs))
		return;
	k->next_dead = NULL;
	while (k)
		k = key_free(k, k->next_dead);
}

struct key *key_find(s32 serial)
{
	struct key *k, *found = NULL;

	spin_lock(&table_lock);
	hlist_for_each_entry(k, &table[(u32)serial % TABLE_SIZE], hash)
		if (k->serial == serial && atomic_inc_not_zero(&k->refs)) {
			found = k;
			break;
		}
	spin_unlock(&table_lock);
	return found;
}

struct key *key_find_ring(const char *name)
{
	struct key *at, *k = NULL;

	spin_lock(&table_lock);
	for (u32 i = 0; i < TABLE_SIZE && !k; i++)
		hlist_for_each_entry(at, &table[i], hash)
			if (at->type == KEY_KEYRING && at->uid == current_uid() &&
				!strcmp(at->desc, name) && !at->revoked && !at->invalid &&
				at->perm & KEY_USR(KEY_SEARCH) && atomic_inc_not_zero(&at->refs)) {
				k = at;
				break;
			}
	spin_unlock(&table_lock);
	return k;
}

/* ---- payers ---- */

/*
 * Drops the user's keyrings if they are empty and have no other references. They are made again on
 * demand.
 */
static void drop_empty_rings(struct key_user *u)
{
	if (u->session && atomic_read(&u->session->refs) == 1 &&
		(!u->session->nr || (u->session->nr == 1 && u->session->links[0] == u->ring))) {
		key_put(u->session);
		u->session = NULL;
	}
	if (u->ring && atomic_read(&u->ring->refs) == 1 && !u->ring->nr) {
		key_put(u->ring);
		u->ring = NULL;
	}
}

/*
 * Frees payers without keys, except the two that belong to current, which the caller may already
 * use. keys_mutex is held.
 */
static void forget_idle_payers(void)
{
	struct key_user *u, *next;

	list_for_each_entry_safe(u, next, &payers, list) {
		if (u->uid == current_uid() || u->uid == current_fsuid())
			continue;
		drop_empty_rings(u);
		if (atomic_read(&u->keys) || u->ring || u->session)
			continue;
		list_del(&u->list);
		kfree(u);
		nr_payers--;
	}
}

struct key_user *key_payer(kuid_t uid)
{
	struct key_user *u;

	list_for_each_entry(u, &payers, list)
		if (u->uid == uid)
			return u;
	if (nr_payers >= MAX_PAYERS)
		forget_idle_payers();
	if (nr_payers >= MAX_PAYERS)
		return NULL;
	u = kzalloc(sizeof(*u), GFP_KERNEL);
	if (!u)
		return NULL;
	u->uid = uid;
	list_add(&u->list, &payers);
	nr_payers++;
	return u;
}

bool key_may_pay(const struct key_user *u, u32 keys, u32 bytes)
{
	return atomic_read(&u->keys) + (s64)keys <=
		       READ_ONCE(*(u->uid ? &user_keys : &root_keys)) &&
	       READ_ONCE(u->bytes) + bytes <= READ_ONCE(*(u->uid ? &user_bytes : &root_bytes));
}

static s32 fresh_serial(void)
{
	struct key *k;

	do {
		next_serial = next_serial == 0x7fffffff ? 0x1000000 : next_serial + 1;
		k = key_find(next_serial);
		key_put(k);
	} while (k);
	return next_serial;
}

struct key *key_alloc(enum key_type type, const char *desc, u32 perm)
{
	struct key_user *payer = key_payer(current_fsuid());
	u32 bytes = (u32)strlen(desc) + 1;
	struct key *k;

	if (!payer || !key_may_pay(payer, 1, bytes))
		return ERR_PTR(-EDQUOT);
	k = kzalloc(sizeof(*k), GFP_KERNEL);
	if (!k)
		return ERR_PTR(-ENOMEM);
	k->desc = kstrdup(desc);
	if (!k->desc) {
		kfree(k);
		return ERR_PTR(-ENOMEM);
	}
	atomic_set(&k->refs, 1);
	k->type = type;
	k->uid = current_fsuid();
	k->gid = current_fsgid();
	k->perm = perm;
	k->payer = payer;
	k->charged = bytes;
	k->serial = fresh_serial();
	atomic_inc(&payer->keys);
	__atomic_add_fetch(&payer->bytes, bytes, __ATOMIC_RELAXED);
	spin_lock(&table_lock);
	hlist_add_head(&k->hash, &table[(u32)k->serial % TABLE_SIZE]);
	spin_unlock(&table_lock);
	return k;
}

int key_set_payload(struct key *k, void *data, u32 len)
{
	if (len > k->len && !key_may_pay(k->payer, 0, len - k->len))
		return -EDQUOT;
	k->charged += len - k->len;
	__atomic_add_fetch(&k->payer->bytes, (s64)len - k->len, __ATOMIC_RELAXED);
	kfree(k->data);
	k->data = data;
	k->len = len;
	return 0;
}

/*
 * Changes the owner. The uid that made the key still pays for it: only root can change owners, so
 * no user can evade a quota by this. Returns 0 or -errno.
 */
int key_chown(struct key *k, kuid_t uid)
{
	if (uid != k->uid && !capable(CAP_SYS_ADMIN))
		return -EACCES;
	k->uid = uid;
	return 0;
}

/* ---- /proc ---- */

s64 key_serials(s32 **out)
{
	s64 room = 0, n = 0;
	struct key *k;

	spin_lock(&table_lock);
	for (u32 i = 0; i < TABLE_SIZE; i++)
		hlist_for_each_entry(k, &table[i], hash)
			room++;
	spin_unlock(&table_lock);
	room += 64; /* for keys made meanwhile */
	*out = kmalloc((size_t)room * sizeof(**out), GFP_KERNEL);
	if (!*out)
		return -ENOMEM;
	spin_lock(&table_lock);
	for (u32 i = 0; i < TABLE_SIZE; i++)
		hlist_for_each_entry(k, &table[i], hash)
			if (n < room)
				(*out)[n++] = k->serial;
	spin_unlock(&table_lock);
	sort_numbers(*out, n);
	return n;
}

/* Prints the time until the key expires as /proc/keys shows it: "perm", "expd" or as "59m". */
static void life_of(const struct key *k, char *buf, size_t size)
{
	static const struct {
		u64 below, unit;
		char letter;
	} units[] = { { 60, 1, 's' }, { 3600, 60, 'm' }, { 86400, 3600, 'h' },
		{ 7 * 86400, 86400, 'd' }, { ~0UL, 7 * 86400, 'w' } };
	u64 now = ktime_get(), left;
	u32 i = 0;

	if (!k->expiry || now >= k->expiry) {
		scnprintf(buf, size, k->expiry ? "expd" : "perm");
		return;
	}
	left = (k->expiry - now) / SECOND;
	while (left >= units[i].below)
		i++;
	scnprintf(buf, size, "%lu%c", left / units[i].unit, units[i].letter);
}

static int content_of(const struct key *k, char *buf, size_t size)
{
	if (k->type != KEY_KEYRING)
		return scnprintf(
			buf, size, k->type == KEY_BIG ? ": %u [buff]\n" : ": %u\n", k->len);
	return k->nr ? scnprintf(buf, size, ": %u\n", k->nr) : scnprintf(buf, size, ": empty\n");
}

/* Writes the line of /proc/keys into @buf, terminated. Returns its length. */
static int line_of(const struct key *k, char *buf, size_t size)
{
	struct user_namespace *ns = current_user_ns();
	char life[24];
	int n;

	life_of(k, life, sizeof(life));
	n = scnprintf(buf, size, "%08x I%c-Q--%c %5d %4s %08x %5d %5d %-9.9s %s", (u32)k->serial,
		k->revoked ? 'R' : '-', k->invalid ? 'i' : '-', atomic_read(&k->refs) - 1, life,
		k->perm, (int)from_kuid_munged(ns, k->uid), (int)from_kgid_munged(ns, k->gid),
		type_names[k->type], k->desc);
	return n + content_of(k, buf + n, size - (size_t)n);
}

int key_line(s32 serial, char *buf, size_t size)
{
	struct key *k = key_find(serial);
	int n = 0;

	if (!k)
		return 0;
	mutex_lock(&keys_mutex);
	if (key_may(k, KEY_VIEW) && from_kuid(current_user_ns(), k->uid) != (u32)-1)
		n = line_of(k, buf, size);
	mutex_unlock(&keys_mutex);
	key_put(k);
	return n;
}

int key_user_line(int i, char *buf, size_t size)
{
	struct user_namespace *ns = current_user_ns();
	struct key_user *u;
	int n = 0, keys;

	mutex_lock(&keys_mutex);
	list_for_each_entry(u, &payers, list) {
		if (from_kuid(ns, u->uid) == (u32)-1 || i-- > 0)
			continue;
		keys = atomic_read(&u->keys);
		n = scnprintf(buf, size, "%5u: %5d %d/%d %d/%d %ld/%d\n", from_kuid(ns, u->uid),
			keys + 1, keys, keys, keys, READ_ONCE(*(u->uid ? &user_keys : &root_keys)),
			READ_ONCE(u->bytes), READ_ONCE(*(u->uid ? &user_bytes : &root_bytes)));
		break;
	}
	mutex_unlock(&keys_mutex);
	return n;
}

/* ---- limits ---- */

static const struct sysctl sysctls[] = {
	SYSCTL_NUM("kernel/keys/maxkeys", user_keys, 0, LIMIT_MAX),
	SYSCTL_NUM("kernel/keys/maxbytes", user_bytes, 0, LIMIT_MAX),
	SYSCTL_NUM("kernel/keys/root_maxkeys", root_keys, 0, LIMIT_MAX),
	SYSCTL_NUM("kernel/keys/root_maxbytes", root_bytes, 0, LIMIT_MAX),
	SYSCTL_NUM("kernel/keys/gc_delay", gc_delay, 0, 0x7fffffff),
};

static int keys_init(void)
{
	return sysctl_register(sysctls, ARRAY_SIZE(sysctls));
}
INITCALL(4, keys_init);
