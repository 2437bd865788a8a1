/* SPDX-License-Identifier: MIT */
/*
 * splice_full: splice() from a file to a pipe. While a page of the file is read, other writers fill
 * the pipe, and then its readers close it: the file keeps that page.
 */
#include "fuse_server.h"
#include "guest.h"

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
	close(p[0]);
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const struct fuse_read_in *r = (const void *)(h + 1);
	struct fuse_open_out open = { .fh = 7, .open_flags = FOPEN_DIRECT_IO };
	static char text[SIZE];

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

static void from_file(bool own_position)
{
	int fd = NEED(open("m/file", O_RDONLY));
	loff_t off = 0;

	NEED(pipe(p));
	G(splice(fd, own_position ? NULL : &off, p[1], NULL, SIZE, 0), "4096");
	G(lseek(fd, 0, SEEK_CUR), own_position ? "4096" : "0");
	say("offset %ld", in_guest() ? (long)off : own_position ? 0 : PAGE);
	close(p[1]);
	close(fd);
}

TEST(splice_full)
{
	CHILD({
		fuse_serve();
		signal(SIGPIPE, SIG_IGN);
		from_file(true);
		from_file(false);
	});
}
