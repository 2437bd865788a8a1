/* SPDX-License-Identifier: MIT */
/*
 * map.h: struct bpf_map and the map types, which the files of kernel/bpf share.
 *
 * The elements of a map lie in a store: @max elements and a few more, all of one size, in chunks
 * that are allocated on demand and stay until the map is freed. A program's pointer to a value is a
 * position in the store, so it always points to memory of this map, even after the element was
 * removed.
 *
 * Locks: map->lock (spin, a leaf) protects the private data of a map type, but not the bytes of
 * values. Programs read and write values without it, as on Linux. The operations of bpf_map_ops
 * take the lock themselves. A chunk's pointer is set once.
 */
#ifndef NESTLING_BPF_MAP_H
#define NESTLING_BPF_MAP_H

#include "kernel/bpf/internal.h"
#include "kernel/lib/keyhash.h"
#include "kernel/lib/string.h"

#define MAP_NONE (~0u)              /* index: no element */
#define BPF_BUCKETS_MAX (64u << 10) /* most buckets of one hash table */

/*
 * Functions of type int return 0 or -errno. Those that a program calls (find, and with @all false
 * update, remove, push, pop) may not sleep. @key has key_size bytes, @value value_bytes, or for a
 * program value_size. @flags: BPF_ANY, BPF_NOEXIST (-EEXIST) or BPF_EXIST (-ENOENT).
 */
struct bpf_map_ops {
	/* True if each vCPU has values of its own */
	bool per_cpu;
	bool prog;   /* True if programs may use its values */
	bool no_key; /* True for queues and stacks */
	/*
	 * True if a lookup hashes the key at each of its lengths (LPM), which counts for its cost.
	 */
	bool by_length;
	/* True if all chunks are allocated before a program can use the map. */
	bool preallocated;
	/*
	 * Flags of BPF_MAP_CREATE that the type accepts in addition to those that all types accept.
	 */
	u32 flags;
	/* Bytes of the type's header, which precedes the key in an element. */
	u32 head;
	/* Bytes of a value in the store, or 0 for value_size. */
	u32 stored;
	/* Checks the sizes for a new map. Returns 0 or -errno. */
	int (*check)(const union bpf_attr *a);
	/* make() allocates the type's private data, and free() frees it. */
	int (*make)(struct bpf_map *m);
	void (*free)(struct bpf_map *m);
	/* Called after the last descriptor was closed, so that only programs still use the map. */
	void (*left)(struct bpf_map *m);
	/*
	 * For programs: returns the index of the element with the key, or MAP_NONE. The element may
	 * be removed at any time.
	 */
	u32 (*find)(struct bpf_map *m, const void *key);
	/* Copies the value, or with per_cpu the values of all CPUs. Returns 0 or -ENOENT. */
	int (*read)(struct bpf_map *m, const void *key, void *value);
	/* Copies an element's value and removes the element. NULL if not supported: -ENOTSUPP. */
	int (*take)(struct bpf_map *m, const void *key, void *value);
	/*
	 * Sets a value. @all: called by a system call, with the values of all CPUs. Otherwise
	 * called by a program, and may not sleep.
	 */
	int (*update)(struct bpf_map *m, const void *key, const void *value, u64 flags, bool all);
	int (*remove)(struct bpf_map *m, const void *key);
	/*
	 * Copies the key that follows @key to @next, or the first key if @key is NULL or not in the
	 * map. Returns 0 or -ENOENT.
	 */
	int (*next)(struct bpf_map *m, const void *key, void *next);
	/*
	 * Copies the key and values of the first element at or after *cursor, which begins at 0,
	 * and moves *cursor to the next element. Returns 0, or -ENOENT at the end. NULL if the type
	 * supports no batches.
	 */
	int (*walk)(struct bpf_map *m, u32 *cursor, void *key, void *value);
	/* for types without keys */
	int (*push)(struct bpf_map *m, const void *value, u64 flags); /* -E2BIG: it is full */
	int (*pop)(struct bpf_map *m, void *value, bool take);        /* -ENOENT: it is empty */
};

struct bpf_map {
	atomic_t refs;  /* of descriptors and programs */
	atomic_t users; /* number of open descriptors */
	/* Immutable; sizes in bytes. max: elements; flags: BPF_F_* of BPF_MAP_CREATE. */
	u32 id, type, key_size, value_size, max, flags;
	u32 key_at, value_at; /* byte offsets in an element */
	u32 value_stride;     /* bytes in the store, for one CPU */
	/* bytes of the values of all CPUs, in the format for the guest */
	u32 value_bytes;
	u32 each;    /* bytes of an element */
	u32 uid;     /* the maker's kuid */
	bool frozen; /* under lock */
	char name[BPF_OBJ_NAME_LEN];
	const struct bpf_map_ops *ops;
	spinlock_t lock;
	u32 per_chunk, nr_chunks; /* elements of a chunk; chunks */
	u8 **chunks;              /* NULL: not allocated yet */
	void *own;                /* private data of the type */
};

/* ---- map_store.c ---- */

/* Allocates the table of chunks, for the sizes in @m. Returns 0 or -ENOMEM. */
int bpf_map_make_store(struct bpf_map *m);
void bpf_map_free_store(struct bpf_map *m);

/* Returns the address of element @i, or NULL if its chunk does not exist. */
static inline u8 *bpf_map_at(const struct bpf_map *m, u32 i)
{
	u8 *chunk = i / m->per_chunk < m->nr_chunks ? READ_ONCE(m->chunks[i / m->per_chunk]) : NULL;

	return chunk ? chunk + (size_t)m->each * (i % m->per_chunk) : NULL;
}
/*
 * Returns the address of element @i. Allocates its chunk if needed, without sleeping if @atomic.
 * Returns NULL if memory is short. map->lock is not held.
 */
u8 *bpf_map_want(struct bpf_map *m, u32 i, bool atomic);
int bpf_map_fill(struct bpf_map *m); /* makes all chunks; 0 or -ENOMEM */
/*
 * Allocates memory for a program that is being loaded and uses the map, since the program cannot
 * allocate it when it runs. Returns 0 or -ENOMEM. May sleep.
 */
int bpf_map_for_program(struct bpf_map *m);
/* Returns the hash of the number @more and the @n bytes at @p. */
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
 * Returns this CPU's value in element @i, whose chunk must exist: the value_size bytes that a
 * program may access.
 */
u8 *bpf_map_value(const struct bpf_map *m, u32 i);

/* ---- map.c ---- */

/*
 * Returns the map of a descriptor, referenced, and sets *mode to the descriptor's access rights
 * (FMODE_*). Returns ERR_PTR(-EBADF) or ERR_PTR(-EINVAL) on failure.
 */
struct bpf_map *bpf_map_of_fd(u32 fd, u32 *mode);
void bpf_map_get(struct bpf_map *m);
void bpf_map_put(struct bpf_map *m); /* does not sleep */
/*
 * Makes a descriptor. @flags: BPF_F_RDONLY, BPF_F_WRONLY. Consumes the reference, also on failure.
 * Returns the descriptor or -errno.
 */
long bpf_map_fd(struct bpf_map *m, u32 flags);
/* True if @fd is a descriptor of a map. */
bool bpf_is_map(u32 fd);

/*
 * Commands of bpf(2). @a is a copy in the kernel of the guest's structure, at @uattr. They return
 * the result of the call or -errno, and may sleep.
 */

long bpf_map_create(const union bpf_attr *a);
long bpf_map_freeze(const union bpf_attr *a);
long bpf_map_fd_by_id(const union bpf_attr *a);
long bpf_map_next_id(const union bpf_attr *a, uaddr_t uattr);
long bpf_map_info(const union bpf_attr *a, uaddr_t uattr);

/* ---- map_elem.c: system calls on elements ---- */

long bpf_map_elem(u32 cmd, const union bpf_attr *a); /* BPF_MAP_*_ELEM and GET_NEXT_KEY */
long bpf_map_batch(u32 cmd, const union bpf_attr *a, uaddr_t uattr);

/* ---- the types ---- */

extern const struct bpf_map_ops map_array, map_percpu_array, map_prog_array; /* map_array.c */
extern const struct bpf_map_ops map_hash, map_percpu_hash, map_lru, map_percpu_lru; /* map_hash.c */
extern const struct bpf_map_ops map_lpm;                                            /* map_lpm.c */
extern const struct bpf_map_ops map_queue, map_stack; /* map_queue.c */

/*
 * Returns the program at index @i of a program array, or NULL. It stays valid until the CPU's next
 * RCU boundary.
 */
struct bpf_prog *bpf_prog_at(struct bpf_map *m, u32 i);

#endif
