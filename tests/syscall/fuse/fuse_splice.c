/* SPDX-License-Identifier: MIT */
/*
 * fuse_splice: a server splices its requests and answers, one message per call; and when it is told
 * to forget a node.
 */
#include "fuse_server.h"
#include "mounts.h"
#include <poll.h>
#include <sys/ioctl.h>

#define SIZE 30000
#define BUFFER (65536 + 8192)

static int in[2], out[2]; /* pipes: of requests, of answers */
static char content[SIZE];
static volatile long written, sum, spliced;
static volatile int forgot, early, released;

static void spliced_reply(unsigned long unique, const void *data, size_t n)
{
	static struct fuse_out_header h;
	struct iovec v = { &h, sizeof(h) };

	h.len = (unsigned)(sizeof(h) + n + 100);
	h.unique = unique;
	NEED(vmsplice(out[1], &v, 1, 0));
	NEED(write(out[1], data, n));
	h.len -= 100; /* as libfuse does when less could be read */
	if (splice(out[0], NULL, dev, NULL, h.len, 0) == (long)h.len)
		spliced++;
}

static void take(const struct fuse_in_header *h, const struct fuse_write_in *w)
{
	struct fuse_write_out took = { .size = w->size };

	for (unsigned i = 0; i < w->size; i++)
		sum += ((const unsigned char *)(w + 1))[i];
	written += w->size;
	spliced_reply(h->unique, &took, sizeof(took));
}

static void release(const struct fuse_in_header *h)
{
	struct pollfd p = { .fd = dev, .events = POLLIN };

	early += poll(&p, 1, 200);
	early += forgot;
	reply(h->unique, 0, NULL, 0);
	released = 1;
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const struct fuse_read_in *r = (const void *)(h + 1);

	switch (h->opcode) {
	case FUSE_READ:
		spliced_reply(h->unique, content + r->offset,
			r->offset + r->size > SIZE ? SIZE - r->offset : r->size);
		break;
	case FUSE_WRITE: take(h, (const void *)(h + 1)); break;
	case FUSE_UNLINK: reply(h->unique, 0, NULL, 0); break;
	case FUSE_RELEASE: release(h); break;
	case FUSE_BATCH_FORGET:
	case FUSE_FORGET: forgot = 1; break;
	default: serve_file(h, 0666, SIZE);
	}
}

static void *splicing(void *unused)
{
	static char buf[BUFFER];
	long n, had, got;

	while ((n = splice(dev, NULL, in[1], NULL, BUFFER, 0)) > 0 || errno == EINTR) {
		for (had = 0; had < n && (got = read(in[0], buf + had, (size_t)(n - had))) > 0;)
			had += got;
		if (n > 0)
			serve_one(buf);
	}
	return NULL;
}

static int bytes_in(int fd)
{
	int n = -1;

	ioctl(fd, FIONREAD, &n);
	return n;
}

static void refused(void)
{
	struct fuse_out_header h = { sizeof(h), 0, 0x77770 };
	char buf[100];

	T(splice(dev, NULL, in[1], NULL, 100, 0));
	NEED(write(out[1], buf, 10));
	T(splice(out[0], NULL, dev, NULL, 100, 0));
	say("left %d", bytes_in(out[0]));
	NEED(read(out[0], buf, 10));
	NEED(write(out[1], &h, sizeof(h)));
	T(splice(out[0], NULL, dev, NULL, sizeof(h), 0));
	say("left %d", bytes_in(out[0]));
}

static void data(void)
{
	static char buf[50000];
	int fd = NEED(open("m/f", O_RDWR));
	long n, all = 0, same = 1;

	while ((n = read(fd, buf + all, sizeof(buf) - (size_t)all)) > 0)
		all += n;
	for (int i = 0; i < SIZE; i++)
		same &= buf[i] == content[i];
	say("read %ld, same %ld", all, same);
	memset(buf, 3, sizeof(buf));
	n = pwrite(fd, buf, sizeof(buf), 0);
	/* the server counts after its answer has gone */
	T_WAIT(spliced > 1);
	say("wrote %ld, the server had %ld, sum %ld, spliced %d", n, written, sum, spliced > 1);
	NEED(unlink("m/f"));
	NEED(close(fd));
	T_WAIT(released && forgot);
	say("released %d, forgotten %d, before the answer %d", released, forgot, early);
}

TEST(fuse_splice)
{
	pthread_t t;

	for (int i = 0; i < SIZE; i++)
		content[i] = (char)(i * 7 + i / 256);
	NEED(pipe(in));
	NEED(pipe(out));
	NEED(fcntl(in[1], F_SETPIPE_SZ, 262144));
	NEED(fcntl(out[1], F_SETPIPE_SZ, 262144));
	own_mounts();
	NEED(mkdir("m", 0777));
	NEED(fuse_mount("m", "rootmode=40000,user_id=0,group_id=0"));
	refused();
	NEED0(pthread_create(&t, NULL, splicing, NULL));
	data();
	NEED(umount2("m", MNT_DETACH));
}
