/* SPDX-License-Identifier: MIT */
/*
 * state.h: declarations shared by the files of the commands about states.
 *
 * A state is a folder: `memory`, `ubdN.layer` and, if a disk's changes are in several files, the
 * parts below it, `ubdN.layer.1` and so on, which the kernel writes (kernel/state/state.h); and
 * state.json, which says how a kernel is started from them. A name without a slash belongs to the
 * store, beside that of images; any other is the folder's path.
 */
#ifndef NESTLING_NESTCTL_STATE_H
#define NESTLING_NESTCTL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/umid.h"

#define STATE_FORMAT 1
#define STATE_DISKS 16 /* ubd0 to ubd15 */
#define STATE_CARDS 16 /* eth0 to eth15 */
#define STATE_PARTS 7  /* ubdN.layer.1 to ubdN.layer.7 */
#define STATE_MEMORY "memory"
/* memory.1 to memory.7: os-linux/state_file.h */
#define STATE_OLDER 7
#define STATE_JSON "state.json"
#define STATE_JSON_MAX (1U << 20)
#define STATE_SEAL "state.seal"

/* A file that the kernel wrote into the folder. */
struct state_file {
	const char *name; /* NULL: there is none */
	uint64_t size;    /* bytes, with holes */
	/* bytes that it occupied when last measured */
	uint64_t disk;
	uint32_t sum; /* file_sum() */
};

/* A file of the host that a disk reads and that must not change: an image, a backing file. */
struct state_image {
	const char *path; /* absolute */
	uint64_t size, inode;
	uint64_t mtime, mtime_ns;
};

/* A disk that is written to. */
struct state_disk {
	/* NULL: the disk is read-only, or there is none */
	struct state_file layer;
	/* the parts below it, up to the first without a name */
	struct state_file below[STATE_PARTS];
	const char *flags;   /* letters of ubd<N><flags>= */
	const char *backing; /* absolute path, or NULL */
};

struct state {
	const char *name, *folder; /* folder: absolute */
	/* of the folder, which stays locked while it is open; or -1 */
	int fd;
	char digest[65]; /* SHA-256 of state.json */
	/* made by this process, or state_must_be_trusted() has let it pass */
	bool trusted;
	uint64_t created;       /* seconds since 1970 */
	const char *parent;     /* name or path, or NULL */
	const char *umid, *cwd; /* of the instance that was saved */
	const char *kernel;     /* path of its program */
	const char *build;      /* and that program's build id */
	const char *image;      /* of the first disk, or "" */
	/* bytes of memory, and how many CPUs, when it was saved */
	uint64_t mem, cpus;
	uint64_t stopped_ns;
	struct state_file memory;
	/*
	 * memory.N, of older states, which has what the memory shares with them; at [N - 1],
	 * without a name where there is none
	 */
	struct state_file older[STATE_OLDER];
	struct state_disk disks[STATE_DISKS];
	struct state_image *images;
	size_t nr_images;
	/* the kernel's command line, NULL at its end */
	const char **params;
	const char *cards[STATE_CARDS]; /* KIND,... of eth<N>=, or NULL */
};

/* ---- store.c: folders that are there whole or not at all ---- */

/* Returns the folder of names; it may be missing. */
const char *state_store(void);
/* Returns the folder of a name or a path, which need not exist. Dies if the name is none. */
const char *state_folder(const char *name);

/* A folder that is being made. */
struct state_new {
	const char *folder; /* where it will be */
	const char *made;   /* its temporary name, absolute */
	int fd;
	bool replace;
	/* which seal it gets: none, one for its files, or one for copies of them too */
	enum { SEAL_HERE, SEAL_COPY, SEAL_NONE } seal;
	bool unnamed; /* nothing reads its state.json */
	/* the open parent, of which it may have files, or NULL */
	const struct state *parent;
};
/*
 * Makes an empty folder for a state. It is removed at the end of this process if it was not
 * published. Dies if @name exists, unless it is a state and @replace. One at a time.
 */
struct state_new state_begin(const char *name, bool replace);
/* Makes a folder for @path, which belongs to another store. */
struct state_new state_begin_at(const char *path);
/* Makes a folder in the store that never gets a name. */
struct state_new state_begin_unnamed(void);
/* Seals the folder, brings it to the disk and gives it its name. Dies on an error. */
void state_publish(struct state_new *n);
/* Removes an unpublished folder. */
void state_drop(void);

/*
 * Opens and locks the folder at @path: nothing removes or replaces it meanwhile. @change: this
 * process will, and no other uses it. Dies on an error; @name is for messages.
 */
int state_lock(const char *path, const char *name, bool change);
/* Removes a state. Dies if another process uses it. */
void state_remove(const char *name);
/* Removes the folder @fd at @path, which this process has locked. Dies on an error. */
void state_remove_folder(int fd, const char *path);
/* Removes what killed processes have left in the folder @dir. */
void state_sweep(const char *dir);
/* Returns the names in the store, sorted. */
char **state_names(size_t *count);

/* ---- pool.c: files of disks that outlive their states ---- */

/* Gives a file that is about to be removed another name, if an instance is over it. */
void pool_keep(int dirfd, const char *name);
/* Removes the files that no instance is over. */
void pool_sweep(void);

/* Records, or returns, the state that an instance was last saved to or started from (head.c). */
void head_set(pid_t pid, const char *name);
const char *head_get(pid_t pid);

/* ---- older.c: memory that a state shares with older ones ---- */

extern const char *const state_older_names[STATE_OLDER];
/*
 * Links the memory of @parent (NULL: there is none) to the new folder, for the kernel to write only
 * what differs. Where that is not possible, or too many files would come together, the kernel will
 * write all.
 */
void older_link(const struct state *parent, const struct state_new *n);
/* Describes what of it the kernel has used. */
void older_describe(struct state *s, const struct state *parent, int dirfd);
/*
 * Returns the @i-th file of a state, from 0 on: its memory, what it shares, its layers. NULL: there
 * are no more.
 */
const struct state_file *state_nth_file(const struct state *s, size_t i);

/* ---- describe.c: state.json ---- */

/*
 * Reads the state @name and locks it. Dies with one line if it is not a valid state. Reads no other
 * file.
 */
struct state state_open(const char *name);
void state_close(struct state *s);
/* Reads state.json of the folder s->fd, which is s->folder; s->name is for messages. */
void state_read(struct state *s);
/* Writes state.json into the folder @fd. */
void state_write(const struct state *s, int fd);

/* ---- check.c ---- */

/*
 * Compares a state and what it needs. Dies with one line at the first fault. Files that have not
 * been written to since they were sealed are not read.
 */
void state_must_be_whole(const struct state *s);
/* As above, but reads all, and returns false after a line for each fault. */
bool state_check_all(const struct state *s);
/* Fills @f with what the file @name of the folder @dirfd is. Returns false if it is missing. */
bool state_file_read(int dirfd, const char *name, const char *where, struct state_file *f);
/* As above, without its checksum. */
bool state_file_look(int dirfd, const char *name, const char *where, struct state_file *f);
/* Fills @im for the file @path. Returns 0 or errno. */
int state_image_read(const char *path, struct state_image *im);

/* ---- seal.c: which states this user has made ---- */

/*
 * Writes state.seal into the folder @dirfd, which has all other files. @copy: it holds for copies
 * of the folder. Only warns if the user's key cannot be used.
 */
void state_seal(int dirfd, const char *name, bool copy);
/* True if the state's files have not been written to since this user sealed them. */
bool state_is_untouched(const struct state *s);
/* As above, of a folder without state.json: a template. */
bool state_folder_is_untouched(int dirfd);
/*
 * Returns NULL if this user has made the state, or why that is not known. Reads the files of a
 * copy.
 */
const char *state_distrust(const struct state *s);
/* Dies unless this user has made the state, or accepts it with --trust (@anyway). */
void state_must_be_trusted(struct state *s, bool anyway);

/* ---- sum.c, build.c ---- */

/*
 * CRC-32C of a file's pieces of 4 KiB that are not zeros, each with its number: holes do not
 * matter. False with errno. @name: what a progress bar says; NULL: there is none.
 */
bool file_sum(int fd, uint64_t size, const char *name, uint32_t *sum);
/* Adds @n bytes to a CRC-32C, which begins as ~0 and is inverted at its end. */
uint32_t crc32c_add(uint32_t crc, const void *p, size_t n);
/* SHA-256 of such pieces, in hexadecimal. */
bool file_digest(int fd, uint64_t size, char text[65]);
/* Returns the build id of a program in hexadecimal, or NULL. */
const char *build_id_of(const char *program);

/* ---- devices.c: the devices of a running instance ---- */

/* Returns the arguments of @device ("ubd0"), or NULL if there is none. */
char *device_query(struct umid_console *c, const char *device);
/* Splits "COW,FILE" into at most @max names, without their backslashes. Returns how many. */
size_t device_names(const char *args, const char **names, size_t max);
/* Returns the value of the parameter @device, of whatever flags, which go to *flags; or NULL. */
const char *device_param(const char *const *params, const char *device, const char **flags);
/* Returns the words of a card without its address and forwarded ports, and with a new address. */
const char *card_of_its_own(const char *args);

/* ---- copy.c ---- */

/*
 * Copies a file, which a progress bar names, and of which holes and zeros become holes. False with
 * errno.
 */
bool file_copy(int from, int to, uint64_t size, const char *name);

/* ---- save.c ---- */

/* Saves an instance into @n and describes it. The caller publishes it. */
struct state save_instance(const struct instance *in, struct state_new *n, const char *name);
/* Describes an instance of which the kernel has just written the files in the folder @dirfd. */
struct state save_described(const struct instance *in, struct umid_console *c, int dirfd);

/* ---- start.c: a kernel that continues from a state ---- */

struct start {
	struct state *state;
	const char *name;      /* of the instance */
	const char *net;       /* instead of the state's eth0, or NULL */
	const char *host_user; /* --host-user, or NULL: the state's */
	/* the first may run: cards get new addresses, lines no ports */
	bool clone;
	/*
	 * It runs as our child with our standard streams, as the instances of `nestctl run` do
	 * (attach.c); NULL: under a keeper.
	 */
	struct run *attached;
	/*
	 * the kernel's end of a channel that holds it (hold=FD,early), closed by start_begin(); 0:
	 * none
	 */
	int hold;
	/* further parameters, NULL at their end; or NULL */
	const char *const *extra;
	/* is called while it is waited for, some times a second; or NULL */
	void (*tick)(void *arg);
	void *tick_arg;
	/* a pipe from the keeper, and from the kernel when it runs */
	int report;
	bool runs; /* the kernel has said so */
	/* once the keeper has reported it; else 0 */
	pid_t kernel;
	int pidfd;         /* of it, or -1 */
	const char *error; /* why it does not run */
};
/* Returns the kernel for a state. Dies if none has its build. */
const char *start_kernel_of(const struct state *s, const char *wanted);
void start_begin(struct start *st, const char *kernel);
/* Waits until it runs, and so answers. False with st->error. */
bool start_await(struct start *st);
/*
 * Waits until it is held; @channel is the other end. START_WAITS: it runs, and wants the state's
 * files; START_READY: it has read them. False with st->error.
 */
enum start_held { START_WAITS = 'w', START_READY = 'r' };
bool start_await_held(struct start *st, int channel, enum start_held how);
/* Ends it, if it runs. Returns false if it does not end. */
bool start_undo(struct start *st);
/* True if the built-in init of `nestctl run` reports and hears by con4 and con5. */
bool start_has_init(const struct state *s);
/* True if a parameter begins so. */
bool start_has_line(const struct state *s, const char *param);
/*
 * Returns @wanted or, if an instance of this name runs, the first free of WANTED-2, WANTED-3 ...
 * Dies if a detached one of this name is kept and does not run.
 */
const char *start_free_name(const char *wanted);
/* Dies if @name is no name for an instance, or taken. */
void start_check_name(const char *name);

/* ---- attach.c: `restore --attach` ---- */

/*
 * Makes the streams and channels of an instance that continues from @s at this terminal, or over
 * these standard streams. Dies on an error.
 */
void attach_prepare(struct run *r, const struct state *s, const char *kernel);
/*
 * Returns the parameter of the line that @param of the state is about, if it has our streams; or
 * NULL.
 */
const char *attach_channel(const struct run *r, const char *param);
/* Runs it to its end. Returns the exit status of nestctl. @begun: is called once it answers. */
int attach_run(struct start *st, void (*begun)(struct start *st, void *arg), void *arg);

/* keeper.c: the process that stays with a kernel when nestctl has ended. */
#define KEEPER_FDS 3
struct keeper {
	const char *kernel, *cwd;
	const char *const *argv; /* the kernel's, NULL at its end */
	/* our ends of its pipes, which stay open; -1 for none */
	int fds[KEEPER_FDS];
	/* where both of them report (struct start) */
	int report;
};
/* Starts the kernel under a keeper. */
void keeper_start(const struct keeper *k);

/* True once the instance @name, whose kernel is @pid (0: any), answers within @ms. */
bool instance_answers(const char *name, pid_t pid, int ms);

#endif
