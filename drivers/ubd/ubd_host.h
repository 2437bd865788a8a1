/* SPDX-License-Identifier: MIT */
/*
 * ubd_host.h: where the ubd driver's halves meet. Fixed-width types only. An open disk is a number
 * (os_object_add()), so that the guest's state has no pointer into this process.
 *
 * A disk is a raw file, or a COW file over a backing file. The front end submits requests. Reads of
 * data in the host's page cache are served at once, as are small writes and, if they are quick,
 * flushes that a task waits for. All other requests go to the disk's worker threads, which raise
 * the disk's interrupt when a request has ended.
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
/* the submitter serves its requests: none is ever under way */
#define UBD_F_INLINE 64
/*
 * The file stays the disk's, though it has no name: its holder starts the next kernel with it. A
 * state gets a copy of it, and a rollback changes its content.
 */
#define UBD_F_KEPT 128

#define UBD_DEPTH 64 /* requests under way at once */

/* The identity of the image that a disk is over. */
struct ubd_base {
	/* bytes; 0: the disk has no file that is only read */
	uint64_t size;
	/* time of its last change, since 1970; 0 for a block device */
	int64_t ns;
	char file[256];
};

struct ubd_open {
	/* a COW file if backing is set, or if its content is that of one */
	const char *file;
	const char *backing; /* or NULL */
	uint32_t flags;
	/* the disk's number, for records and faults */
	uint32_t unit;
	int32_t irq;
	/*
	 * Folder of a saved state, or NULL. The disk has the content that it had when the state was
	 * saved: in the file or, if that has no name, in the state's own files below it.
	 */
	const char *state;
	/* bytes that a copy-on-write layer may take on the host; 0: any number */
	uint64_t limit;
	/* the disk's number, or 0: a free one is chosen */
	int32_t host;
	/* answers */
	uint64_t size; /* bytes, whole sectors */
	uint32_t rdonly, discard;
	struct ubd_base base;
	/* a note for the user, or empty */
	char note[256];
	/* one line that names the file, if the open failed */
	char err[512];
};

enum { UBD_READ, UBD_WRITE, UBD_FLUSH, UBD_DISCARD, UBD_ZERO };

struct ubd_vec {
	void *p;
	uint64_t len;
};
struct ubd_req {
	struct ubd_req *next;
	uint32_t op;
	uint32_t preflush, fua;
	uint32_t waited_for; /* a task sleeps until it ends */
	/* the vCPU has no other work and may wait for the host's disk */
	uint32_t spare;
	/* a read whose data need not stay in the host's page cache */
	uint32_t past_cache;
	int32_t status;    /* result once ended: 0 or -errno */
	uint64_t off, len; /* bytes, multiples of 512 within the disk */
	void *cookie;      /* owned by the front end */
	uint32_t nr_vecs;
	struct ubd_vec vec[];
};

/*
 * Set up tests (media_host.h): a record of all writes, failing calls. Called before the first disk
 * is opened. Return 0 or -errno.
 */
int ubd_host_record(const char *path);
int ubd_host_fault(const char *spec);
/* Opens a disk. Returns 0 or -errno with o->err set. Creates nothing on failure. */
int ubd_host_open(struct ubd_open *o);
void ubd_host_close(int host);
/* True if no request is under way, and none has ended that ubd_host_reap() has not returned. */
int ubd_host_is_quiet(int host);
/*
 * A save of the disk to a folder, as ubdN.layer and ubdN.layer.K (part_host.h). begin() and end()
 * let a thread copy; wait() returns -EINPROGRESS until it has ended, then 0 or -errno with one line
 * in @err, which names the file.
 *
 * begin(), if it was not called yet; wait(); with the disk quiet stop(), which fixes the content
 * that belongs to the state, and undo() if the save restarts or fails; end(), @saved or not;
 * wait(). stop() returns -EAGAIN if the disk is not ready for it. undo() without a stop() does
 * nothing.
 */
int ubd_host_save_begin(int host, uint32_t unit, const char *dir);
int ubd_host_save_wait(int host, char *err, size_t size);
int ubd_host_save_stop(int host);
void ubd_host_save_undo(int host);
void ubd_host_save_end(int host, int saved);
/*
 * Going back in place, with the disk quiet (kernel/state/state.h): from ubd_host_mark() on, the
 * disk writes to memory. ubd_host_put_back() discards these writes. ubd_host_unmark() discards them
 * too, and ends the mark. They return 0 or -errno.
 */
int ubd_host_mark(int host);
int ubd_host_put_back(int host);
void ubd_host_unmark(int host);
/*
 * A rollback in place, with the disk quiet: ubd_host_note() notes the file that is written, which
 * is empty over those of a state, and ubd_host_go_back() puts another empty one in its place if it
 * has been written to; it may lie in the folder @dir. 0 or -errno: this disk cannot do that, or has
 * other files by now.
 */
int ubd_host_note(int host);
int ubd_host_go_back(int host, const char *dir);
/*
 * Opens the file of the disk that is never written (a backing file, a raw file that is read-only)
 * again for reading, as an os handle of the caller; *bytes of it belong to the disk. Returns -EROFS
 * if every file may be written, or another -errno if the host refuses.
 */
int ubd_host_image(int host, uint64_t *bytes);
/*
 * Returns how many bytes of [off, off + len) from @off on, multiples of @unit and at least one, lie
 * wholly in that file (*inside 1), or not wholly (0). Callable at any time; does not wait.
 */
uint64_t ubd_host_image_run(int host, uint64_t off, uint64_t len, uint64_t unit, int *inside);
/* See image_tell() of image_host.h. */
int ubd_host_tell(int host, uint32_t depth, char *text, size_t size);
#define UBD_SPARE_NS 300000 /* longest wait with r->spare */
/*
 * Submits a request. Returns 1 if it has ended: r->status is the result, and r->spare the ns of a
 * wait for the host's disk, or 0. Returns 0 if ubd_host_reap() will return it.
 */
int ubd_host_submit(int host, struct ubd_req *r);
/* Returns the requests that ended since the last call, linked by next, oldest first, or NULL. */
struct ubd_req *ubd_host_reap(int host);

#endif
