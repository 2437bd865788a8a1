/* SPDX-License-Identifier: MIT */
/*
 * map.h: maps, shared by the files of kernel/bpf.
 *
 * The elements of a map lie in a store: at most @max of them and a few more, all of one size, in
 * chunks that are allocated when they are needed and stay until the map ends. So a program's
 * pointer to a value is a place in the store: whatever happens to the element meanwhile, that place
 * is memory of this map.
 *
 * Locks: map->lock (spin, a leaf) protects the private data of a map type, but not the bytes of
 * values. Programs read and write values without it, as on several CPUs of a real machine. The
 * operations take it themselves. A chunk's pointer is set once.
 */
#ifndef NESTLING_BPF_MAP_H
#define NESTLING_BPF_MAP_H

#include "kernel/bpf/internal.h"
#include "kernel/lib/keyhash.h"
#include "kernel/lib/string.h"

#define MAP_NONE (~0u)              /* no element */
#define BPF_BUCKETS_MAX (64u << 10) /* of a hash table */

struct bpf_map_ops {
	bool per_cpu;
	bool prog;   /* programs may hold pointers to its values */
	bool no_key; /* queues and stacks */
	/* a key is searched for with each of its lengths */
	bool by_length;
	/* all chunks are made when a program is about to use the map */
	bool preallocated;
	/* flags of BPF_MAP_CREATE that it takes, beside those that all maps take */
	u32 flags;
	/* bytes that an element has before its key */
	u32 head;
	/* bytes of a value in the store, if not the size that the guest gave */
	u32 stored;
	/* Checks the sizes. Returns 0 or -errno. */
	int (*check)(const union bpf_attr *a);
	/* Makes the type's private data beside the store; free() undoes that. */
	int (*make)(struct bpf_map *m);
	void (*free)(struct bpf_map *m);
	/* Is called when no descriptor leads to it any more, only programs. */
	void (*left)(struct bpf_map *m);
	/* Finds the element with the key, for a program: where it was a moment ago, or MAP_NONE. */
	u32 (*find)(struct bpf_map *m, const void *key);
	/* Reads the values of all CPUs. Returns 0 or -ENOENT. */
	int (*read)(struct bpf_map *m, const void *key, void *value);
	/* Looks an element up and removes it. NULL: -ENOTSUPP. */
	int (*take)(struct bpf_map *m, const void *key, void *value);
	/*
	 * Sets a value. @all: for a system call, the values of all CPUs; else for a program, which
	 * may not sleep.
	 */
	int (*update)(struct bpf_map *m, const void *key, const void *value, u64 flags, bool all);
	int (*remove)(struct bpf_map *m, const void *key);
	/* Finds the key after @key, or the first (NULL). Returns 0 or -ENOENT. */
	int (*next)(struct bpf_map *m, const void *key, void *next);
	/*
	 * Reads key and values of the first element from *cursor on, and moves that behind it.
	 * NULL: the map is not read in batches.
	 */
	int (*walk)(struct bpf_map *m, u32 *cursor, void *key, void *value);
	/* Of those without keys. */
	int (*push)(struct bpf_map *m, const void *value, u64 flags);
	int (*pop)(struct bpf_map *m, void *value, bool take);
};

struct bpf_map {
	atomic_t refs;
	atomic_t users; /* descriptors, which refer to it too */
	u32 id, type, key_size, value_size, max, flags;
	u32 key_at, value_at; /* in an element */
	u32 value_stride;     /* of one CPU's value */
	u32 value_bytes;      /* as the guest sees them: of all CPUs */
	u32 each;             /* bytes of an element */
	u32 uid;
	bool frozen; /* under lock */
	char name[BPF_OBJ_NAME_LEN];
	const struct bpf_map_ops *ops;
	spinlock_t lock;
	u32 per_chunk, nr_chunks;
	u8 **chunks;
	void *own; /* the kind's */
};

/* ---- map_store.c ---- */

/* Makes the store for the sizes in @m: 0, -ENOMEM. */
int bpf_map_make_store(struct bpf_map *m);
void bpf_map_free_store(struct bpf_map *m);

/* Returns the address of element @i; NULL: its chunk does not exist. */
static inline u8 *bpf_map_at(const struct bpf_map *m, u32 i)
{
	u8 *chunk = i / m->per_chunk < m->nr_chunks ? READ_ONCE(m->chunks[i / m->per_chunk]) : NULL;

	return chunk ? chunk + (size_t)m->each * (i % m->per_chunk) : NULL;
}
/* Returns the address of element @i, and makes its chunk; NULL: no memory. Without the lock. */
u8 *bpf_map_want(struct bpf_map *m, u32 i, bool atomic);
int bpf_map_fill(struct bpf_map *m); /* all chunks: 0, -ENOMEM */
/* Allocates memory that a program needs to use the map, when it is loaded. 0, -ENOMEM. */
int bpf_map_for_program(struct bpf_map *m);
/* Returns the hash of @n bytes and @more for a caller that uses one key (kernel/lib/keyhash.h). */
static inline u32 bpf_map_hash(const struct hash_key *k, const u8 *p, u32 n, u32 more)
{
	struct keyhash s;
	u64 word;

	keyhash_init(&s, k);
	keyhash_word(&s, k, more);
	for (; n >= sizeof(word); n -= (u32)sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		keyhash_word(&s, k, word);
	}
	while (n--)
		keyhash_byte(&s, k, *p++);
	return keyhash_end(&s, k);
}
/*
 * Returns this CPU's value in element @i, which exists: the value_size bytes that a program may
 * touch.
 */
u8 *bpf_map_value(const struct bpf_map *m, u32 i);

/* ---- map.c ---- */

/* Returns a reference and the descriptor's access rights, FMODE_*; ERR_PTR(-EBADF, -EINVAL). */
struct bpf_map *bpf_map_of_fd(u32 fd, u32 *mode);
void bpf_map_get(struct bpf_map *m);
void bpf_map_put(struct bpf_map *m);
long bpf_map_fd(struct bpf_map *m, u32 flags); /* takes the reference */
bool bpf_is_map(u32 fd);

long bpf_map_create(const union bpf_attr *a);
long bpf_map_freeze(const union bpf_attr *a);
long bpf_map_fd_by_id(const union bpf_attr *a);
long bpf_map_next_id(const union bpf_attr *a, uaddr_t uattr);
long bpf_map_info(const union bpf_attr *a, uaddr_t uattr);

/* ---- map_elem.c: system calls on elements ---- */

long bpf_map_elem(u32 cmd, const union bpf_attr *a); /* BPF_MAP_*_ELEM and GET_NEXT_KEY */
long bpf_map_batch(u32 cmd, const union bpf_attr *a, uaddr_t uattr);

/* ---- the kinds ---- */

extern const struct bpf_map_ops map_array, map_percpu_array, map_prog_array; /* map_array.c */
extern const struct bpf_map_ops map_hash, map_percpu_hash, map_lru, map_percpu_lru; /* map_hash.c */
extern const struct bpf_map_ops map_lpm;                                            /* map_lpm.c */
extern const struct bpf_map_ops map_queue, map_stack; /* map_queue.c */

/* Returns the program at @i of a program array, or NULL; valid until the next boundary. */
struct bpf_prog *bpf_prog_at(struct bpf_map *m, u32 i);

#endif
