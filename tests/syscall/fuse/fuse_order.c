/* SPDX-License-Identifier: MIT */
/*
 * fuse_order: what write(2) and O_DIRECT reads do with data that a shared mapping has made dirty:
 * they send only the pages that they touch, and only once; the server handles the newer of two
 * WRITEs first if it has both.
 */
#include "fuse_server.h"

#define SIZE (2 * PAGE)

static char content[SIZE] __attribute__((aligned(PAGE)));
static volatile bool hold, holding, overtook, stop;
static volatile bool second; /* the second page was sent */
static volatile pid_t writer_tid;
static struct {
	struct fuse_in_header h;
	struct fuse_write_in w;
	char data[PAGE];
} held;

static void take(const struct fuse_in_header *h, const struct fuse_write_in *w)
{
	struct fuse_write_out took = { .size = w->size };

	memcpy(content + w->offset, w + 1, w->size);
	second |= w->offset + w->size > PAGE;
	reply(h->unique, 0, &took, sizeof(took));
}

static void serve_write(const struct fuse_in_header *h, const struct fuse_write_in *w)
{
	if (w->offset + w->size > sizeof(content)) {
		reply(h->unique, -EFBIG, NULL, 0);
	} else if (hold && w->write_flags & FUSE_WRITE_CACHE) {
		hold = false;
		memcpy(&held, h, h->len);
		holding = true;
	} else {
		overtook |= holding;
		take(h, w);
	}
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const struct fuse_read_in *r = (const void *)(h + 1);

	switch (h->opcode) {
	case FUSE_WRITE: serve_write(h, (const void *)(h + 1)); break;
	case FUSE_READ:
		reply(h->unique, 0, content + r->offset,
			r->offset >= SIZE          ? 0 :
			r->offset + r->size > SIZE ? SIZE - (int)r->offset :
						     (int)r->size);
		break;
	default: serve_file(h, 0644, SIZE);
	}
}

static void *sync_it(void *p)
{
	NEED(msync(p, PAGE, MS_SYNC));
	return NULL;
}

static void *write_it(void *fd)
{
	writer_tid = (pid_t)syscall(SYS_gettid);
	T(pwrite(*(int *)fd, "new", 3, 10));
	return NULL;
}

static void order(int fd, char *p)
{
	pthread_t flusher, writer;

	memcpy(p + 8, "older", 5);
	hold = true;
	NEED0(pthread_create(&flusher, NULL, sync_it, p));
	T_WAIT(holding);
	NEED0(pthread_create(&writer, NULL, write_it, &fd));
	T_WAIT(overtook || (writer_tid && t_state(writer_tid) == 'D'));
	holding = false;
	take(&held.h, &held.w);
	pthread_join(flusher, NULL);
	pthread_join(writer, NULL);
	say("overtook: %s; server: %.6s, mapping: %.6s", overtook ? "yes" : "no", content + 8,
		p + 8);
}

static void direct(char *p)
{
	static char buf[PAGE] __attribute__((aligned(PAGE)));
	int fd = NEED(open("m/file", O_RDONLY | O_DIRECT));

	memcpy(p + 100, "mapped", 6);
	T(pread(fd, buf, PAGE, 0));
	say("direct: %.6s", buf + 100);
	close(fd);
}

/* Only the touched page is sent. */
static void touched(int fd, char *p)
{
	static char buf[PAGE] __attribute__((aligned(PAGE)));
	int direct = NEED(open("m/file", O_RDONLY | O_DIRECT));

	NEED(msync(p, SIZE, MS_SYNC));
	second = false;
	p[PAGE] = 'z';
	T(pwrite(fd, "new", 3, 10));
	T(pread(direct, buf, PAGE, 0));
	say("second page: %s", second ? "sent" : "not sent");
	T(pread(direct, buf, PAGE, PAGE));
	say("second page: %s, %c", second ? "sent" : "not sent", buf[0]);
	close(direct);
}

static void *store(void *p)
{
	while (!stop)
		++*(volatile char *)p;
	return NULL;
}

/* The calls return although the page becomes dirty again and again. */
static void stored(int fd, char *p)
{
	static char buf[PAGE] __attribute__((aligned(PAGE)));
	int direct = NEED(open("m/file", O_RDONLY | O_DIRECT));
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, store, p + i * PAGE));
	for (int i = 0; i < 20; i++)
		NEED(pwrite(fd, "more", 4, 8));
	for (int i = 0; i < 20; i++)
		NEED(pread(direct, buf, PAGE, 0));
	for (int i = 0; i < 20; i++)
		NEED(fsync(fd));
	say("stored: %.4s", buf + 8);
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	close(direct);
}

TEST(fuse_order)
{
	memset(content, '.', sizeof(content));
	CHILD({
		int fd;
		char *p;

		fuse_serve();
		fd = NEED(open("m/file", O_RDWR));
		p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		NEED(p == MAP_FAILED ? -1 : 0);
		order(fd, p);
		direct(p);
		touched(fd, p);
		stored(fd, p);
		munmap(p, SIZE);
		close(fd);
		NEED(umount2("m", MNT_DETACH));
	});
}
