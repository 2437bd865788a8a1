/* SPDX-License-Identifier: MIT */
/*
 * ubd_host.h: the interface between the two halves of the ubd driver. It has only fixed-width
 * types. An open disk is a number (os_object_add()), so that the guest's state has no pointer into
 * this process.
 *
 * A disk is a raw file, or a COW file over a backing file. The front end submits requests. Reads of
 * data in the host's page cache are served at once, as are small writes and, if they are quick,
 * flushes that a task waits for. Small reads past both caches go to the host's disk directly
 * (aio_host.h), all other requests to the disk's worker threads. When such a request has ended, the
 * disk's interrupt is raised. Requests may be submitted and reaped by several vCPUs at once; all
 * other calls for a disk are made one at a time.
 */
#ifndef NESTLING_UBD_HOST_H
#define NESTLING_UBD_HOST_H

#include <stddef.h>
#include <stdint.h>

#define UBD_F_RDONLY 1
/* every write reaches the disk before it ends */
#define UBD_F_SYNC 2
#define UBD_F_SHARED 4 /* no lock on the files */
#define UBD_F_NODISCARD 8
/* a raw file even if it looks like a COW file */
#define UBD_F_DATA 16
/* read-only data of the image is mapped, not read */
#define UBD_F_MAP 32
/* the submitting vCPU serves its requests itself: none is ever in progress */
#define UBD_F_INLINE 64
/*
 * The file stays the disk's although it has no name, because its holder starts the next kernel with
 * it. A state gets a copy of it, and a rollback changes its content.
 */
#define UBD_F_KEPT 128
/*
 * Nothing reads the file once the instance has ended, so a power-off does not sync the disk. Only
 * the front end uses this flag.
 */
#define UBD_F_TEMPORARY 256

#define UBD_DEPTH 64 /* requests in progress at once */

/* The identity of the image that a disk is over. */
struct ubd_base {
	/* size of the image's file in bytes; 0 if the disk has no read-only file */
	uint64_t size;
	/* mtime of that file in ns since 1970; 0 for a block device */
	int64_t ns;
	char file[256];
};

struct ubd_open {
	/* a COW file if backing is set, or if its content is that of a COW file */
	const char *file;
	const char *backing; /* or NULL */
	uint32_t flags;
	/* the disk's unit number, for records and faults */
	uint32_t unit;
	int32_t irq;
	/*
	 * Folder of a saved state, or NULL. The disk then gets its content as of the save: in the
	 * file itself or, if the file has no name, in the state's own files below it.
	 */
	const char *state;
	/* bytes that a copy-on-write layer may take on the host; 0: any number */
	uint64_t limit;
	/* number of the disk's object, or 0 to choose a free one */
	int32_t host;
	/* results */
	uint64_t size;            /* bytes, whole sectors */
	uint32_t rdonly, discard; /* 1: read-only; discards are possible */
	struct ubd_base base;
	/* a note for the user, or empty */
	char note[256];
	/* one line that names the file, if the open failed */
	char err[512];
};

enum { UBD_READ, UBD_WRITE, UBD_FLUSH, UBD_DISCARD, UBD_ZERO };

struct ubd_vec {
	void *p;
	uint64_t len; /* bytes */
};
/* A request. It and its memory belong to the host's half from submit until it has ended. */
struct ubd_req {
	struct ubd_req *next;
	uint32_t op; /* UBD_READ etc. */
	uint32_t preflush, fua;
	uint32_t waited_for; /* a task sleeps until the request ends */
	/* true: the vCPU has no other work and may wait for the host's disk */
	uint32_t spare;
	/* true: the read's data need not stay in the host's page cache */
	uint32_t past_cache;
	int32_t status;    /* result once ended: 0 or -errno */
	uint64_t off, len; /* bytes, multiples of 512 within the disk */
	void *cookie;      /* owned by the front end */
	uint32_t nr_vecs;
	struct ubd_vec vec[];
};

/*
 * Set up a record of all writes, and failing calls, for tests (media_host.h). Called before the
 * first disk is opened. Return 0 or -errno.
 */
int ubd_host_record(const char *path);
int ubd_host_fault(const char *spec);
/*
 * Opens a disk and sets o->host to its number. Returns 0 or -errno with o->err set. A failure
 * leaves no new file, but with o->state it may leave o->file. May wait for the host's disk.
 */
int ubd_host_open(struct ubd_open *o);
/* Flushes and closes it, and frees the number. No request is in progress. Waits for the disk. */
void ubd_host_close(int host);
/* True if no request is in progress, and ubd_host_reap() has returned all that have ended. */
int ubd_host_is_quiet(int host);
/*
 * A save of the disk to a folder, as ubdN.layer and ubdN.layer.K (part_host.h). begin() and end()
 * make a thread copy; wait() returns -EINPROGRESS until the thread has ended, then 0 or -errno with
 * one line in @err, which names the file.
 *
 * The order of calls: begin(), once; wait(); with the disk quiet stop(), which fixes the content
 * that belongs to the state, and undo() if the save restarts or fails; end(), with @saved true or
 * false; wait(). begin() returns 0 or -ENOMEM. stop() returns 0, or -EAGAIN if the disk is not
 * ready for it. undo() without a stop() does nothing.
 */
int ubd_host_save_begin(int host, uint32_t unit, const char *dir);
/*
 * Returns 0 if the image below the disk has not changed since it was opened, when its identity was
 * @base: no instance could continue from a state over a changed one. Otherwise returns -ESTALE with
 * one line in @err.
 */
int ubd_host_save_may(int host, const struct ubd_base *base, char *err, size_t size);
int ubd_host_save_wait(int host, char *err, size_t size);
int ubd_host_save_stop(int host);
void ubd_host_save_undo(int host);
void ubd_host_save_end(int host, int saved);
/* Going back to a mark in place (kernel/state/state.h), with the disk quiet. */
/* From now on, the disk writes to memory. Returns 0, -EBUSY with a mark, or another -errno. */
int ubd_host_mark(int host);
/* Discards the writes since the mark. Returns 0, -EINVAL without a mark, or another -errno. */
int ubd_host_put_back(int host);
/* Discards the writes since the mark, and ends it. Does nothing without a mark. */
void ubd_host_unmark(int host);
/*
 * For a rollback in place, with the disk quiet: records the file that is written, an empty layer
 * over the files of a state. Returns 0, or -errno if this disk does not support that.
 */
int ubd_host_note(int host);
/*
 * Replaces the recorded layer, if it has been written to, by a new empty one, perhaps in the folder
 * @dir. Returns 0, or -errno if this disk has other files now.
 */
int ubd_host_go_back(int host, const char *dir);
/*
 * Opens the file of the disk that is never written (a backing file, a raw file that is read-only)
 * again for reading, as an os handle of the caller; *bytes of it belong to the disk. Returns -EROFS
 * if every file may be written, or another -errno if the host refuses.
 */
int ubd_host_image(int host, uint64_t *bytes);
/*
 * Returns the length of the first part of [off, off + len), at least one @unit, that lies wholly in
 * that file (*inside 1) or does not (*inside 0). Callable at any time; does not wait.
 */
uint64_t ubd_host_image_run(int host, uint64_t off, uint64_t len, uint64_t unit, int *inside);
/* See image_describe() of image_host.h. */
int ubd_host_describe(int host, uint32_t depth, char *text, size_t size);
/* r->spare is set if the vCPU expects no other work for so many ns. */
#define UBD_SPARE_NS 300000
/*
 * Submits a request. Returns 1 if it has ended: r->status is the result, and r->spare the ns of a
 * wait for the host's disk, or 0. Returns 0 if ubd_host_reap() will return it.
 */
int ubd_host_submit(int host, struct ubd_req *r);
/* Returns the requests that ended since the last call, linked by next, oldest first, or NULL. */
struct ubd_req *ubd_host_reap(int host);

#endif
