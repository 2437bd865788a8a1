/* SPDX-License-Identifier: MIT */
/*
 * splice_full: splice() to a pipe that other writers fill while the file or socket is read. All
 * that was read arrives, also when a signal comes or the pipe's readers go.
 */
#include "fuse_server.h"
#include "guest.h"
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SIZE (2 * PAGE)

static int p[2];

/*
 * Fills the pipe while the file is read, which the guest permits. Linux holds the pipe's lock then,
 * so this write would deadlock there.
 */
static void fill(void)
{
	static char page[PAGE];

	if (!in_guest())
		return;
	NEED(fcntl(p[1], F_SETFL, O_NONBLOCK));
	while (write(p[1], page, PAGE) > 0)
		;
	NEED(fcntl(p[1], F_SETFL, 0));
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const struct fuse_read_in *r = (const void *)(h + 1);
	struct fuse_open_out open = { .fh = 7, .open_flags = FOPEN_DIRECT_IO };
	static char text[SIZE];

	memset(text, 'f', SIZE);
	if (h->opcode == FUSE_OPEN) {
		reply(h->unique, 0, &open, sizeof(open));
	} else if (h->opcode == FUSE_READ) {
		if (r->offset + r->size > PAGE)
			fill();
		reply(h->unique, 0, text, r->size);
	} else {
		serve_file(h, 0644, SIZE);
	}
}

/* Returns how many bytes @c there are in the pipe. */
static int count(char c)
{
	static char page[PAGE];
	int sum = 0;
	long n;

	NEED(fcntl(p[0], F_SETFL, O_NONBLOCK));
	while ((n = read(p[0], page, PAGE)) > 0)
		for (long i = 0; i < n; i++)
			sum += page[i] == c;
	return sum;
}

static void from_file(bool own_position)
{
	int fd = NEED(open("m/file", O_RDONLY));
	loff_t off = 0;

	NEED(pipe(p));
	T(splice(fd, own_position ? NULL : &off, p[1], NULL, SIZE, 0));
	T(lseek(fd, 0, SEEK_CUR));
	say("offset %ld, bytes %d", (long)off, count('f'));
	close(p[0]);
	close(p[1]);
	close(fd);
}

/* ---- from a socket ---- */

static int sock[2];
static volatile pid_t splicer_tid;
static volatile bool spliced;

static void nothing(int sig)
{
}

static void *splices(void *arg)
{
	splicer_tid = gettid();
	T(splice(sock[0], NULL, p[1], NULL, PAGE, 0));
	spliced = true;
	return NULL;
}

/* True if the splice has ended, or has taken the bytes and waits for something else. */
static bool has_taken(void)
{
	int unread = 0;

	return spliced ||
	       (!ioctl(sock[0], FIONREAD, &unread) && !unread && t_state(splicer_tid) == 'S');
}

/*
 * Writes until the pipe is full, by a file of its own: the splice's must block. On Linux the write
 * waits for the splice, which holds the lock.
 */
static void *writes(void *arg)
{
	static char page[PAGE];
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	fd = NEED(open(path, O_WRONLY | O_NONBLOCK));
	while (write(fd, page, PAGE) > 0)
		;
	close(fd);
	return NULL;
}

/* The bytes that were sent are in the pipe once. With @closed the reader goes before they are. */
static void from_socket(bool closed)
{
	pthread_t splicer, writer;

	NEED(pipe(p));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	splicer_tid = 0;
	spliced = false;
	NEED0(pthread_create(&splicer, NULL, splices, NULL));
	t_until_sleeps(&splicer_tid);
	NEED0(pthread_create(&writer, NULL, writes, NULL));
	if (in_guest())
		pthread_join(writer, NULL);
	if (closed && in_guest())
		close(p[0]);
	NEED(write(sock[1], "sssss", 5));
	T_WAIT(has_taken());
	pthread_kill(splicer, SIGUSR1);
	pthread_join(splicer, NULL);
	if (!in_guest())
		pthread_join(writer, NULL);
	if (!closed)
		say("from the socket: %d", count('s'));
	if (!closed || !in_guest())
		close(p[0]);
	close(p[1]);
	close(sock[0]);
	close(sock[1]);
}

TEST(splice_full)
{
	CHILD({
		fuse_serve();
		signal(SIGPIPE, SIG_IGN);
		from_file(true);
		from_file(false);
	});
	CHILD({
		NEED(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = nothing }, NULL));
		signal(SIGPIPE, SIG_IGN);
		from_socket(false);
		from_socket(true);
	});
}
