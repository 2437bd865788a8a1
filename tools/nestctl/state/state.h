/* SPDX-License-Identifier: MIT */
/*
 * state.h: shared by the files of the commands about saved states of instances.
 *
 * A state is a folder. The kernel writes `memory`, `ubdN.layer` and, if a disk's changes are in
 * several files, the parts below the layer, `ubdN.layer.1` and so on (kernel/state/state.h).
 * nestctl writes state.json, which describes how to start a kernel from them. A name without a
 * slash is a folder of the store, which is beside the store of images. A name with a slash is the
 * folder's path.
 *
 * Functions die on an error unless their comment says what they return. Texts and lists that they
 * return are never freed unless the comment names who frees them. Texts and lists that they are
 * given must stay in memory.
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
/* memory.1 to memory.7: os-linux/state/file.h */
#define STATE_OLDER 7
#define STATE_JSON "state.json"
#define STATE_JSON_MAX (1U << 20)
#define STATE_SEAL "state.seal"

/* A file that the kernel wrote into the folder. */
struct state_file {
	const char *name; /* NULL: there is no such file */
	uint64_t size;    /* bytes, including holes */
	/* bytes that the file occupied on the disk when last measured */
	uint64_t disk;
	uint32_t sum; /* from file_sum() */
};

/* A file of the host that a disk reads and that must not change: an image or a backing file. */
struct state_image {
	const char *path; /* absolute */
	/* @size: bytes. @inode: the inode's number without its highest bit. */
	uint64_t size, inode;
	/* @mtime: seconds since 1970. @mtime_ns: nanoseconds below a second. */
	uint64_t mtime, mtime_ns;
};

/* A writable disk. */
struct state_disk {
	/* `ubdN.layer`; it has no name if the disk is read-only or missing */
	struct state_file layer;
	/* the parts below the layer, `ubdN.layer.1` first, up to the first without a name */
	struct state_file below[STATE_PARTS];
	const char *flags;   /* letters of ubd<N><flags>= */
	const char *backing; /* absolute path, or NULL */
};

/* A state, as state.json describes it. */
struct state {
	/* @name: a name or path, for messages. @folder: an absolute path. */
	const char *name, *folder;
	/* descriptor of the folder, which stays locked while it is open; or -1 */
	int fd;
	char digest[65]; /* SHA-256 of state.json */
	/*
	 * this process made the state, or state_must_be_whole() found this user's seal, or
	 * state_must_be_trusted() has accepted the state
	 */
	bool trusted;
	uint64_t created; /* seconds since 1970 */
	/* name or path of the parent state, or NULL */
	const char *parent;
	/* @umid: name of the saved instance. @cwd: working directory of its kernel process. */
	const char *umid, *cwd;
	const char *kernel; /* path of the kernel's program */
	const char *build;  /* build id of that program */
	const char *image;  /* image of the first disk, or "" */
	/* at the time of the save. @mem: bytes of memory. @cpus: number of CPUs. */
	uint64_t mem, cpus;
	/* for how many ns the save stopped the instance */
	uint64_t stopped_ns;
	struct state_file memory;
	/*
	 * memory.N at [N - 1]: a file of an older state, with the pages that @memory shares with
	 * it. No name: there is no such file.
	 */
	struct state_file older[STATE_OLDER];
	struct state_disk disks[STATE_DISKS];
	/* the images and backing files of all disks */
	struct state_image *images;
	size_t nr_images;
	/* the kernel's command line, ending in NULL */
	const char **params;
	/*
	 * @boot_size bytes that start the next kernel of a machine (`nestctl run --init`), in the
	 * form of machine_file() in run.h. NULL: the instance ends when its guest restarts.
	 */
	const char *boot;
	size_t boot_size;
	const char *cards[STATE_CARDS]; /* KIND,... of eth<N>=, or NULL */
};

/* ---- store.c: folders that appear complete or not at all ---- */

/* Returns the path of the store, which need not exist. */
const char *state_store(void);
/* Returns the folder of a state by name or path. It need not exist. Dies if @name is invalid. */
const char *state_folder(const char *name);

/* A folder that is being filled. */
struct state_new {
	const char *folder; /* its final path */
	const char *made;   /* absolute path of its temporary name */
	int fd;             /* locked; state_publish() closes it */
	/* replace an existing state of the final path */
	bool replace;
	/* the seal that the folder gets: valid for this folder, for copies of it too, or none */
	enum { SEAL_HERE, SEAL_COPY, SEAL_NONE } seal;
	bool unnamed; /* temporary: needs no checksums */
	/* the open parent, with which it may share files, or NULL */
	const struct state *parent;
};
/*
 * Makes an empty folder for a state. The result's fd is open and holds the folder's lock. The
 * folder is removed when this process ends unless it was published. Dies if @name exists, unless it
 * is a state and @replace is set. A process may make only one folder at a time.
 */
struct state_new state_begin(const char *name, bool replace);
/*
 * As state_begin(), for a folder outside of the store that will be called @path and must not exist
 * when it is published.
 */
struct state_new state_begin_at(const char *path);
/* Makes a folder in the store that never gets a name. */
struct state_new state_begin_unnamed(void);
/*
 * Seals the folder as n->seal says, syncs it to the disk and gives it its final path. Closes n->fd.
 * Replaces a state of this path if n->replace is set, and otherwise dies if the path exists.
 */
void state_publish(struct state_new *n);
/* Removes the unpublished folder, if there is one. Its descriptor stays open. */
void state_drop(void);

/*
 * Opens and locks the folder at @path, so that no other process removes or replaces it. @change:
 * locks it exclusively, for a change, and waits up to half a second for other locks. Returns the
 * descriptor, which holds the lock until the caller closes it. Dies with a message about @name if
 * the folder is missing or another process has a lock that excludes this one.
 */
int state_lock(const char *path, const char *name, bool change);
/* Removes a state. Dies if another process uses it. */
void state_remove(const char *name);
/* Removes the folder @fd at @path, which this process has locked exclusively. @fd stays open. */
void state_remove_folder(int fd, const char *path);
/*
 * Removes the unfinished folders that killed processes have left in the folder @dir, and calls
 * pool_sweep(). Errors are ignored.
 */
void state_sweep(const char *dir);
/*
 * Returns the names in the store, sorted. *count: their number. The list does not end in NULL, and
 * is NULL if there are none.
 */
char **state_names(size_t *count);

/* ---- pool.c: files of disks that are needed longer than their states ---- */

/*
 * Called before the file @name of a disk, in the folder @dirfd, is removed. If that is the file's
 * only name and an instance has it open, gives it another name in the folder `layers` beside the
 * store. Errors are ignored.
 */
void pool_keep(int dirfd, const char *name);
/*
 * Removes the names in `layers` of files that no instance has open, or that still belong to a
 * state. Errors are ignored.
 */
void pool_sweep(void);

/*
 * Record and return the name or absolute path of the state to which an instance was last saved or
 * rolled back, or from which it was started (head.c). @pid: its kernel. head_set() ignores errors.
 * head_get() returns NULL if the state is not known.
 */
void head_set(pid_t pid, const char *name);
const char *head_get(pid_t pid);

/* ---- older.c: memory that a state shares with older ones ---- */

extern const char *const state_older_names[STATE_OLDER];
/*
 * Links the memory files of @parent to the new folder, so that the kernel writes only the pages
 * that differ. Links none if @parent is NULL, if linking fails, or if there would be too many
 * files. The kernel then writes all pages.
 */
void older_link(const struct state *parent, const struct state_new *n);
/*
 * Adds the files that older_link() has linked to the description @s, if the kernel has kept them in
 * the folder @dirfd. @parent NULL: there are none.
 */
void older_describe(struct state *s, const struct state *parent, int dirfd);
/*
 * Returns the @i-th file of a state, counted from 0: its memory, its older memory files, and each
 * disk's layer with the parts below it. Returns NULL behind the last.
 */
const struct state_file *state_nth_file(const struct state *s, size_t i);

/* ---- describe.c: state.json ---- */

/*
 * Reads the state @name and locks it, so that it is not removed until state_close(). Dies with a
 * message if it is not a valid state. Reads no file but state.json.
 */
struct state state_open(const char *name);
/*
 * Opens the state that is named in @arg, a struct state whose other members are 0 and whose fd is
 * -1, as state_open() does. For attempt(): if it dies, the caller calls state_close() all the same.
 */
void state_open_at(void *arg);
/* Closes and unlocks the folder. May be called again. */
void state_close(struct state *s);
/* Fills @s from state.json of the folder s->fd. s->name is for messages. */
void state_read(struct state *s);
/* Writes the new file state.json into the folder @fd. */
void state_write(const struct state *s, int fd);

/* ---- machine.c: the next kernel of a machine ---- */

/* maximum of words: what struct run has room for */
#define MACHINE_WORDS 112

struct machine {
	/* the kernel's words for a boot, without the program's name, ending in NULL */
	const char *argv[MACHINE_WORDS + 1];
	int argc;
	const char *job; /* init's (tools/init/job.h) */
	size_t job_size;
};

/*
 * Returns a copy of what nestctl holds for the next kernel of an instance (machine_file() in
 * run.h), of *size bytes. Returns NULL if the instance is not a machine; *size is then not set.
 */
const char *machine_find(const struct instance *in, size_t *size);
/* Fills @m, which points into @text. Returns false if the text is damaged. */
bool machine_parse(const char *text, size_t size, struct machine *m);
/*
 * Replaces by @param the word of m->argv that sets the same parameter or device. @adds: adds @param
 * if there is no such word, and dies if there is no room.
 */
void machine_replace(struct machine *m, const char *param, bool adds);
/*
 * Lets the next kernel boot without a network card whose link the host refuses then, for example
 * because another instance forwards its port.
 */
void machine_spare_cards(struct machine *m);
/* Drops the words of m->argv that begin with @name. */
void machine_drop(struct machine *m, const char *name);
/* Sets the instance's name in the job. @hostname: the guest's new one, or NULL. */
void machine_rename(struct machine *m, const char *name, const char *hostname);

/* ---- check.c ---- */

/*
 * Checks a state's files, and the images that it needs. Dies at the first fault. Does not read
 * files that have not been written to since they were sealed, and sets s->trusted then: this user
 * has sealed them.
 */
void state_must_be_whole(struct state *s);
/*
 * Checks as state_must_be_whole() does, but reads all files and prints a message for each fault.
 * True if there is no fault. Does not die.
 */
bool state_check_all(const struct state *s);
/*
 * Fills @f from the file @name of the folder @dirfd. @where: for messages. Returns false if it is
 * missing, and dies on another error.
 */
bool state_file_read(int dirfd, const char *name, const char *where, struct state_file *f);
/* As state_file_read(), but without the file's checksum: does not read the file. */
bool state_file_look(int dirfd, const char *name, const char *where, struct state_file *f);
/* Fills @im for the file @path, a text that must stay valid. Returns 0 or a positive errno. */
int state_image_read(const char *path, struct state_image *im);

/* ---- seal.c: which states this user has made ---- */

/*
 * Writes state.seal into the folder @dirfd, which has all other files. @copy: the seal is valid for
 * copies of the folder, too. @name: for messages. Only warns if the user's key cannot be used.
 */
void state_seal(int dirfd, const char *name, bool copy);
/* True if the state's files have not been written to since this user sealed them. */
bool state_is_untouched(const struct state *s);
/* As state_is_untouched(), for a folder without state.json: a template. */
bool state_folder_is_untouched(int dirfd);
/*
 * Returns NULL if this user has made the state, or the reason why that is not certain, for a
 * message. Reads all files of a copy, and seals it again.
 */
const char *state_distrust(const struct state *s);
/* Sets s->trusted. Dies unless this user has made the state, or accepts it by --trust (@anyway). */
void state_must_be_trusted(struct state *s, bool anyway);

/* ---- sum.c, build.c ---- */

/*
 * Computes CRC-32C over those 4 KiB pieces of a file of @size bytes that are not all zeros, each
 * with its number, so that holes count as zeros. Returns false with errno on an error. @name: for a
 * progress bar; NULL: none.
 */
bool file_sum(int fd, uint64_t size, const char *name, uint32_t *sum);
/* Adds @n bytes to a CRC-32C, which begins as ~0 and is inverted at its end. */
uint32_t crc32c_add(uint32_t crc, const void *p, size_t n);
/*
 * Computes SHA-256 over the pieces that file_sum() takes, in terminated hexadecimal. Returns false
 * with errno on an error.
 */
bool file_digest(int fd, uint64_t size, char text[65]);
/* Returns the build id of a program in hexadecimal, or NULL if it cannot be read or has none. */
const char *build_id_of(const char *program);

/* ---- devices.c: the devices of a running instance ---- */

/*
 * Returns the arguments of @device ("ubd0"), which the caller frees, or NULL if the instance lacks
 * it. Dies if the instance does not answer.
 */
char *device_query(struct umid_console *c, const char *device);
/*
 * Splits "COW,FILE" at commas into at most @max names; further names are dropped. Removes
 * backslashes before commas and colons. Returns how many names it has stored.
 */
size_t device_names(const char *args, const char **names, size_t max);
/*
 * Returns the value of the last parameter for @device ("ubd0") in @params, which ends in NULL. Sets
 * *flags to the letters between the device and '='. Returns NULL, and does not set *flags, if there
 * is no such parameter.
 */
const char *device_param(const char *const *params, const char *device, const char **flags);
/* Returns a card's words with a new MAC address and without forwarded ports. */
const char *card_of_its_own(const char *args);

/* ---- copy.c ---- */

/*
 * Copies @size bytes of a file into the empty file @to, with a progress bar for @name. Holes and
 * blocks of zeros become holes. Returns false with errno on an error.
 */
bool file_copy(int from, int to, uint64_t size, const char *name);

/* ---- save.c ---- */

/*
 * Saves an instance into the folder @n and writes its state.json. The caller publishes it. The
 * result has no descriptor.
 */
struct state save_instance(const struct instance *in, struct state_new *n, const char *name);
/*
 * Describes an instance whose kernel has just written the files in the folder @dirfd. Writes no
 * state.json. The result has no descriptor.
 */
struct state save_described(const struct instance *in, struct umid_console *c, int dirfd);

/* ---- start.c: a kernel that continues from a state ---- */

/* Values of --net, which replace cards of the state. */
struct start_nets {
	/* KIND,... for ethN at [N]; NULL: the card of the state stays */
	const char *words[STATE_CARDS];
	/* number of the card that the next value without "ethN=" replaces */
	int nr;
};
/*
 * Adds a --net KIND,... for the next card, or ethN=KIND,... for that card, with the path of a
 * switch made absolute. Dies if there is no such card or it is given twice.
 */
void start_add_net(struct start_nets *n, const char *text);
#define START_NET_HELP                                                                             \
	"another kind of eth0, as behind eth0= in nestling(1); given again, of eth1 and so on. "   \
	"ethN=KIND replaces that card only"

/* A start. The caller sets the members up to @tick_arg, the functions below set the others. */
struct start {
	struct state *state;
	const char *name;      /* name of the new instance */
	const char *host_user; /* --host-user; NULL: as in the state */
	struct start_nets nets;
	/* the host name of a machine after its next restart; NULL: as in the state */
	const char *hostname;
	/* the saved instance may still run: give cards new addresses, and consoles no ports */
	bool clone;
	/* the instance comes from another keeper, whose log is continued (machine_log.c) */
	bool moves;
	/*
	 * The instance runs as a child of this process with its standard streams, as with `nestctl
	 * run` (attach.c). NULL: it runs under a keeper.
	 */
	struct run *attached;
	/*
	 * the kernel's end of a channel by which nestctl holds the kernel (hold=FD,early);
	 * start_begin() closes it; 0: none
	 */
	int hold;
	/* a copy that waits (warm.h): it runs when its console says so (hold=console) */
	bool warm;
	/* further parameters, ending in NULL; or NULL */
	const char *const *extra;
	/* called several times a second during waits, or NULL */
	void (*tick)(void *arg);
	void *tick_arg;
	/* pipe with reports of the keeper, and of the kernel once it runs */
	int report;
	/* @waits: the kernel has reported that it waits (hold=console). @runs: that it runs. */
	bool waits, runs;
	/*
	 * the kernel's process: known when the keeper has reported it or, without a keeper, after
	 * start_begin(); else 0
	 */
	pid_t kernel;
	int pidfd; /* descriptor of @kernel, or -1 */
	/* reason why the instance does not run, or NULL */
	const char *error;
};
/*
 * Returns the path of a kernel with the state's build. @wanted: the user's choice, or NULL. Dies if
 * there is none.
 */
const char *start_kernel_of(const struct state *s, const char *wanted);
/*
 * Starts @kernel, a path, from st->state, which must be trusted. Sets st->report, and st->kernel if
 * st->attached is set. st->pidfd is -1 until the wait for the kernel sets it.
 */
void start_begin(struct start *st, const char *kernel);
/*
 * Reads the reports of keeper and kernel, if necessary waits for one. Sets st->kernel, st->pidfd,
 * st->waits and st->runs. Returns false with st->error set if the kernel has ended, or the keeper.
 */
bool start_hear(struct start *st);
/*
 * Waits at most 10 minutes until the kernel runs and its process is known. True if so, otherwise
 * st->error is set.
 */
bool start_await(struct start *st);
/*
 * Waits at most 10 minutes until the kernel reports @how over @channel, the other end of st->hold.
 * START_WAITS: the kernel runs and waits for the state's files. START_READY: the kernel has read
 * the files and is held. True if the report came, otherwise st->error is set.
 */
enum start_held { START_WAITS = 'w', START_READY = 'r' };
bool start_await_held(struct start *st, int channel, enum start_held how);
/* Kills the instance if it runs. Returns false if it does not end within 10 s. */
bool start_undo(struct start *st);
/* True if the instance has the built-in init of `nestctl run`, which uses con4 and con5. */
bool start_has_init(const struct state *s);
/* True if one of the state's parameters begins with @param. */
bool start_has_line(const struct state *s, const char *param);
/*
 * Returns @wanted or, if an instance of this name runs, the first unused name of WANTED-2, WANTED-3
 * and so on. Dies if @wanted is invalid, or if a kept instance that does not run has the name.
 */
const char *start_free_name(const char *wanted);
/* Dies if @name is not valid for an instance, or is taken. */
void start_check_name(const char *name);

/* ---- attach.c: `restore --attach` ---- */

/*
 * Fills @r with the streams and pipes of an instance that will continue from @s, at this terminal
 * or over this process's standard streams. @kernel: its path. Calls attend_prepare().
 */
void attach_prepare(struct run *r, const struct state *s, const char *kernel);
/*
 * Returns the parameter that gives nestctl's streams to the console of @param, a parameter of the
 * state. NULL: the console gets none.
 */
const char *attach_channel(const struct run *r, const char *param);
/*
 * Runs the instance, which start_begin() has started, to its end. Calls @begun once it runs.
 * Returns nestctl's exit status.
 */
int attach_run(struct start *st, void (*begun)(struct start *st, void *arg), void *arg);

/* keeper.c: the process that stays with a kernel after nestctl has ended. */
#define KEEPER_FDS 3
/* index in @fds of the pipe with the reports of the built-in init */
#define KEEPER_STATUS 0
/*
 * maximum of descriptors in keeper.held: disks, the kernel's ends of pipes and console, the initial
 * archive, and the file of the machine
 */
#define KEEPER_HELD (STATE_DISKS + KEEPER_FDS + 3)
struct log;
struct keeper {
	/* @kernel: path of the program. @cwd: working directory of the kernel process. */
	const char *kernel, *cwd;
	const char *const *argv; /* the kernel's, ending in NULL */
	/* the keeper's ends of the kernel's pipes, which stay open; -1 for none */
	int fds[KEEPER_FDS];
	/* pipe for reports of keeper and kernel (struct start) */
	int report;
	/*
	 * the name of a copy that waits (warm.h), which ends if no process reads @report any more;
	 * or NULL
	 */
	const char *waits;
	/* the words for a machine's next kernel, ending in NULL; NULL: there is no next kernel */
	const char *const *boot;
	/* the next kernel's initial archive, which the first kernel does not inherit */
	int initrd;
	/*
	 * @log: where the output of a machine is kept (machine_log.c), or NULL. @console: the
	 * keeper's end of the machine's console, or -1. Both are set or neither.
	 */
	struct log *log;
	int console;
	/* descriptors that the keeper holds for the next kernel, @initrd included */
	int held[KEEPER_HELD];
	int nr_held;
};
/*
 * Starts a keeper, which starts the kernel. The caller need not wait for the keeper, and closes its
 * copies of all descriptors. The keeper reports errors through @report.
 */
void keeper_start(const struct keeper *k);

/* ---- machine_log.c: the output of machines that have a keeper ---- */

/*
 * Opens the log of the machine @name for its keeper. The descriptor log->dir holds the lock.
 * Removes the log of an earlier machine of this name, and the oldest logs of ended machines.
 * @moves: the machine moves from another keeper, whose log is continued. Returns NULL after a
 * warning.
 */
struct log *machine_log_begin(const char *name, bool moves);
/* Opens the folder with the log of @name. The caller closes the descriptor. -1: there is none. */
int machine_log_open(const char *name);
/* True while a keeper writes to the log in the folder @dir. */
bool machine_log_is_busy(int dir);
/*
 * Records that the running machine @name continues under another keeper, so that its present keeper
 * does not report an end. Ignores errors, and a name without a keeper.
 */
void machine_log_moved(const char *name);
/*
 * For a keeper whose last kernel has ended: true if its machine continues under another keeper.
 * @dir: log->dir. The call may release the keeper's lock of the folder.
 */
bool machine_log_goes_on(int dir);
/* Records for the removal of old logs that the machine ends now. */
void machine_log_end(const struct log *l);

/* ---- start.c ---- */

/* True if the instance @name, whose kernel is @pid (0: any), answers within @ms milliseconds. */
bool instance_answers(const char *name, pid_t pid, int ms);

#endif
