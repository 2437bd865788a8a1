/* SPDX-License-Identifier: MIT */
/*
 * ubd_host.h: where the ubd driver's halves meet. Fixed-width types and opaque structs only.
 *
 * A disk is a raw file, or a COW file over a backing file. The front end submits requests; what the host has in its page cache is read at
 * once, so are small writes and, where that is quick, flushes that somebody waits for; everything else goes to the disk's worker threads, which
 * raise the disk's interrupt when something has ended.
 */
#ifndef NESTLING_UBD_HOST_H
#define NESTLING_UBD_HOST_H

#include <stddef.h>
#include <stdint.h>

struct ubd_host;

#define UBD_F_RDONLY 1
#define UBD_F_SYNC 2   /* every write reaches the disk before it ends */
#define UBD_F_SHARED 4 /* no lock on the files */
#define UBD_F_NODISCARD 8
#define UBD_F_DATA 16   /* a raw file even if it looks like a COW file */
#define UBD_F_MAP 32    /* what is only read of the image is mapped, not read */
#define UBD_F_INLINE 64 /* who submits a request serves it: nothing is ever under way */

#define UBD_DEPTH 64 /* requests under way at once */

struct ubd_open {
	const char *file;    /* COW file when backing is set, or when the file says so */
	const char *backing; /* or NULL */
	uint32_t flags;
	uint32_t unit; /* the disk's number, for records and faults */
	int32_t irq;
	/* answers */
	struct ubd_host *host;
	uint64_t size; /* bytes, whole sectors */
	uint32_t rdonly, discard;
	char note[256]; /* something the user should know; empty when not */
	char err[512];  /* one line that names the file, when the open failed */
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
	uint32_t waited_for; /* somebody sleeps until it ends */
	uint32_t spare;      /* the vCPU has nothing else to do: it may wait for the host's disk */
	uint32_t past_cache; /* of a read: who asks has no use for it in the host's page cache */
	int32_t status;      /* 0 or -errno when it has ended */
	uint64_t off, len;   /* bytes, multiples of 512 within the disk */
	void *cookie;        /* the front end's */
	uint32_t nr_vecs;
	struct ubd_vec vec[];
};

/* For tests (media_host.h): a record of all writes, calls that fail. Before the first disk is opened; 0 or -errno. */
int ubd_host_record(const char *path);
int ubd_host_fault(const char *spec);
/* 0 or -errno with o->err set. Nothing is created when it fails. */
int ubd_host_open(struct ubd_open *o);
void ubd_host_close(struct ubd_host *h);
/*
 * The file of the disk that nobody writes to (a backing file, a raw file that is read-only), opened anew for reading, as an os handle of the
 * caller's; *bytes of it are the disk's. -EROFS: there is none such, all of it may be written to. Other -errno: the host refuses.
 */
int ubd_host_image(struct ubd_host *h, uint64_t *bytes);
/*
 * Of [off, off + len), multiples of @unit: how many bytes from @off on (a multiple of @unit, at least one) lie wholly in that file
 * (*inside 1), or not wholly (0). At any time, without waiting.
 */
uint64_t ubd_host_image_run(
	struct ubd_host *h, uint64_t off, uint64_t len, uint64_t unit, int *inside);
/* As image_tell() of image_host.h. */
int ubd_host_tell(struct ubd_host *h, uint32_t depth, char *text, size_t size);
#define UBD_SPARE_NS 300000 /* r->spare: for so long */
/* 1: it has ended already (r->status; r->spare, when it was waited for the host's disk: how long, ns, else 0); 0: it will come through ubd_host_reap(). */
int ubd_host_submit(struct ubd_host *h, struct ubd_req *r);
/* What has ended since the last call, linked by next, oldest first; NULL when nothing. */
struct ubd_req *ubd_host_reap(struct ubd_host *h);

#endif
