/* SPDX-License-Identifier: MIT */
/*
 * keys.h: declarations shared by keys.c (objects), keyrings.c (links, possession, search) and
 * keyctl.c (the calls).
 *
 * A key has a type, a description, a payload and permissions; a keyring is a key that links others.
 * keys_mutex protects keys and keyrings. Refcounts are atomic, so that an exiting process can drop
 * its keyrings without the mutex.
 */
#ifndef NESTLING_TASK_KEYS_H
#define NESTLING_TASK_KEYS_H

#include "kernel/task/internal.h"

enum key_type { KEY_KEYRING, KEY_USER, KEY_LOGON, KEY_BIG, NR_KEY_TYPES };

/*
 * Kinds of access to a key. key->perm has these bits for four classes, from the top: possessor,
 * user, group, other.
 */
#define KEY_VIEW 0x01U
#define KEY_READ 0x02U
#define KEY_WRITE 0x04U
#define KEY_SEARCH 0x08U
#define KEY_LINK 0x10U
#define KEY_SETATTR 0x20U
#define KEY_ALL 0x3fU
#define KEY_POS(bits) ((bits) << 24)
#define KEY_USR(bits) ((bits) << 16)

/* A user whose quota pays for keys. Freed when the user pays for no key any more. */
struct key_user {
	struct list_head list; /* in keys.c, under keys_mutex */
	kuid_t uid;            /* immutable */
	atomic_t keys;         /* number of keys paid for */
	s64 bytes;             /* their charged bytes; atomic */
	/* The keyrings _uid.N and _uid_ses.N, or NULL. Holds references; under keys_mutex. */
	struct key *ring, *session;
};

struct key {
	struct hlist_node hash; /* by serial; table_lock of keys.c */
	atomic_t refs;
	s32 serial;             /* immutable */
	enum key_type type;     /* immutable */
	char *desc;             /* immutable */
	struct key_user *payer; /* immutable */
	u32 charged;            /* bytes of payer's quota; under keys_mutex */
	/* The members from here on are under keys_mutex. */
	kuid_t uid;
	kgid_t gid;
	u32 perm;
	u64 expiry; /* ns of ktime_get(); 0: never */
	bool revoked, invalid;
	bool restricted; /* true: no more keys may be linked */
	/* Of a key without a payload: the error of a search that finds the key; otherwise 0. */
	int rejected;
	void *data; /* the payload, @len bytes */
	u32 len;
	struct key **links; /* of a keyring: @nr references */
	u32 nr, room;
	/* marks of walks through keyrings (keyrings.c) */
	u64 seen;
	u32 seen_at;
	struct key *next_dead;
};

extern struct mutex keys_mutex;

/*
 * Prints line @i (from 0) of /proc/key-users, terminated. Returns its length; 0 past the last line.
 * Takes keys_mutex.
 */
int key_user_line(int i, char *buf, size_t size);

/*
 * Lists the serial numbers of all keys in ascending order, for /proc/keys. Returns their number, or
 * -ENOMEM. The caller frees the list with kfree(). May sleep.
 */
s64 key_serials(s32 **out);
#define KEY_LINE_MAX (PAGE_SIZE + 256)
/*
 * Prints the line of a key in /proc/keys, terminated. Returns its length, or 0 if the key was freed
 * or current may not view it. Takes keys_mutex.
 */
int key_line(s32 serial, char *buf, size_t size);

const char *key_type_name(enum key_type type);
int key_type_of(const char *name); /* returns a type, or -ENODEV */
/* Take and drop a reference. key_put() accepts NULL. Both need no lock, and do not sleep. */
void key_get(struct key *k);
void key_put(struct key *k);
/*
 * Returns the key with this serial number, which may be dead, with a reference, or NULL. Needs no
 * lock.
 */
struct key *key_find(s32 serial);

/*
 * The following functions are called with keys_mutex held, and may sleep. Those that return int
 * return 0 or -errno. Keys that are passed stay the caller's.
 */
/*
 * Returns a valid keyring of current's uid with this name, in which that uid may search, with a
 * reference, or NULL.
 */
struct key *key_find_ring(const char *name);
/*
 * Returns the payer of @uid's keys, or NULL: no memory, or too many payers. The pointer is valid
 * until keys_mutex is released.
 */
struct key_user *key_payer(kuid_t uid);
/* True if the quota of @u allows @keys more keys and @bytes more bytes. */
bool key_may_pay(const struct key_user *u, u32 keys, u32 bytes);
struct key *key_alloc(
	enum key_type type, const char *desc, u32 perm); /* ERR_PTR(-EDQUOT, -ENOMEM) */
/*
 * Makes @data of @len bytes, which comes from kmalloc(), the payload. Returns 0, or -EDQUOT, in
 * which case @data stays the caller's.
 */
int key_set_payload(struct key *k, void *data, u32 len);
/*
 * Finds a key by its serial number or a KEY_SPEC_* constant, and checks that it is valid and that
 * current has the rights @need. @create: makes a missing keyring of the process. Returns the key
 * with a reference, or ERR_PTR.
 */
struct key *key_lookup(s32 id, bool create, u32 need);
/*
 * Finds a key as key_lookup() does, including dead keys, without a check of rights, and makes none.
 */
struct key *key_lookup_dead(s32 id);
/*
 * True if current has all rights @need (KEY_*) on the key, as its owner, group or other or, if
 * current possesses it (key_may_as(): if @possessed), as possessor.
 */
bool key_may(const struct key *k, u32 need);
bool key_may_as(const struct key *k, u32 need, bool possessed);
bool key_possessed(const struct key *k);
/*
 * True if current possesses the key. A key that was given by KEY_SPEC_* counts as possessed, even
 * if it may not be searched.
 */
bool key_possessed_by(s32 id, const struct key *k);
/*
 * Returns 0 if the key can be used; or the reason why not: -ENOKEY, -EKEYREVOKED, -EKEYEXPIRED or
 * k->rejected.
 */
int key_alive(struct key *k);
/*
 * Returns the key of this type and description to which @ring has a direct link, without a
 * reference, or NULL.
 */
struct key *keyring_find(struct key *ring, enum key_type type, const char *desc);
/*
 * Searches @ring and the keyrings below it. Returns a key with a reference, or ERR_PTR: -ENOKEY, or
 * the reason why the found key is unusable. @possessed: current possesses @ring, and so every key
 * found through it.
 */
struct key *keyring_search(struct key *ring, enum key_type type, const char *desc, bool possessed);
/*
 * Searches all keys that current possesses; results as for keyring_search(). An expired key counts
 * as missing, since the caller would replace it.
 */
struct key *keys_search(enum key_type type, const char *desc);
/*
 * Link a key to a keyring, in place of a key of its type and description, or drop the link. The
 * ring has its own reference. -ENOTDIR: @ring is no keyring; -ENOENT: there is no such link.
 */
int keyring_link(struct key *ring, struct key *k);
int keyring_unlink(struct key *ring, struct key *k);
/* Drops all links of a keyring. */
void keyring_clear(struct key *ring);
/*
 * Changes the key's owner to @uid. The user that made the key still pays for it. Returns 0, or
 * -EACCES if @uid is another user and current lacks CAP_SYS_ADMIN.
 */
int key_chown(struct key *k, kuid_t uid);
/*
 * Serves KEYCTL_JOIN_SESSION_KEYRING. @name NULL: joins a new keyring without a name. Returns the
 * keyring, without a reference, or ERR_PTR.
 */
struct key *join_session(const char *name);
/*
 * Makes current's session keyring the session keyring of the parent process. Returns 0 or -errno.
 */
long session_to_parent(void);

/* ---- keyctl.c: arguments, also for request_key.c ---- */

/*
 * Returns the type that the text in guest memory names (enum key_type), or -errno: -ENODEV for an
 * unknown type. May sleep.
 */
int key_arg_type(uaddr_t ua);
/*
 * Copies a description from guest memory. May sleep. Returns it, to be freed with kfree(); NULL if
 * none was given; or ERR_PTR.
 */
char *key_arg_desc(uaddr_t ua);
/* Returns the permissions of a new key of this type. */
u32 key_default_perm(enum key_type type);

#endif
